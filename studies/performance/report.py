"""The results as tables of ratios, beside what they are held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from studies.performance.encode import INT8, MONOLITHIC, OURS, OURS_SYSTEM, STOCK, STOCK_KEPT
from studies.performance.results import Results

TITLES = {
    "bars": "What is asked, and what was measured",
    "encode": "Encoding one photo, against stock segment-anything",
    "int8": "With int8 linear layers",
    "onnx": "In ONNX Runtime, against our own encoder in PyTorch",
    "shards": "Sharded in one process, against our own encoder in one piece",
    "bytes": "Bytes on the wire, against the arithmetic",
    "runs": "Whole runs",
}


@dataclass(frozen=True)
class Bar:
    """A bound and what was measured; None where it was not."""

    what: str
    bound: float
    found: float | None

    @property
    def verdict(self) -> str:
        """In words."""
        if self.found is None:
            return "not measured"
        return "met" if self.found <= self.bound else "not met"


def bars(results: Results) -> list[Bar]:
    """Every bound of the issue that these parts measure."""
    found: list[Bar] = []
    for model in ("vit_b", "vit_l"):
        share = _ratio(results, "encode", model)
        found += [
            Bar(f"{model}, time as shipped", 0.55, share(OURS, STOCK, "seconds")),
            Bar(f"{model}, time, both keep memory", 0.90, share(OURS, STOCK_KEPT, "seconds")),
            Bar(
                f"{model}, time, both with the system's allocator",
                0.90,
                share(OURS_SYSTEM, STOCK, "seconds"),
            ),
            Bar(f"{model}, peak memory, all of it", 0.40, share(OURS, STOCK, "peak_mb")),
            Bar(
                f"{model}, peak memory beyond that after loading",
                0.40,
                _added_share(results, model),
            ),
            Bar(
                f"{model}, difference",
                1e-4,
                results.median("encode", model, OURS, "difference"),
            ),
        ]
    share = _ratio(results, "int8", "vit_b")
    found.append(Bar("vit_b, int8, time", 0.42, share(INT8, STOCK, "seconds")))
    for prompt in ("box", "point"):
        full, low = (
            results.median("miou", "tiny", precision, f"miou_{prompt}")
            for precision in ("float32", "int8")
        )
        loss = None if full is None or low is None else abs(full - low)
        found.append(Bar(f"tiny, int8, change of mIoU ({prompt})", 0.01, loss))
    for model in results.models("shards") or ["vit_b"]:
        share = _ratio(results, "shards", model)
        for count, bound in ((4, 1.05), (25, 1.2)):
            ratio = share(f"{count} shards", MONOLITHIC, "seconds")
            found.append(Bar(f"{model}, {count} shards, time", bound, ratio))
    return found


def text(results: Results, machine: str) -> str:
    """``performance.md``."""
    lines = ["# Performance", "", machine, ""]
    parts = {
        "bars": _bar_lines(results),
        "encode": _race_lines(results, "encode", STOCK),
        "int8": [*_race_lines(results, "int8", STOCK), *_miou_lines(results)],
        "onnx": _race_lines(results, "onnx", OURS),
        "shards": _race_lines(results, "shards", MONOLITHIC),
        "bytes": _byte_lines(results),
        "runs": _run_lines(results),
    }
    for name, content in parts.items():
        body = list(content)
        if body:
            lines += [f"## {TITLES[name]}", "", *body, ""]
    return "\n".join(lines).rstrip() + "\n"


def _ratio(results: Results, part: str, model: str):  # type: ignore[no-untyped-def]
    def share(case: str, base: str, quantity: str) -> float | None:
        mine = results.median(part, model, case, quantity)
        theirs = results.median(part, model, base, quantity)
        return None if mine is None or not theirs else mine / theirs

    return share


def _bar_lines(results: Results) -> Iterator[str]:
    yield "Ratios are ours over the other's; medians over the repeats."
    yield ""
    yield "| what | at most | measured | |"
    yield "| --- | ---: | ---: | --- |"
    for bar in bars(results):
        found = "" if bar.found is None else f"{bar.found:.2g}"
        if bar.found is not None and bar.bound > 0.1:
            found = f"{bar.found:.3f}"
        yield f"| {bar.what} | {bar.bound:g} | {found} | {bar.verdict} |"


def _race_lines(results: Results, part: str, base: str) -> Iterator[str]:
    models = results.models(part)
    if not models:
        return
    yield f"Time and memory are relative to '{base}'; in brackets the fastest and slowest repeat,"
    yield "relative to the base's median. Added memory is the peak beyond that after loading."
    yield ""
    yield "| model | side | time | peak memory | added memory | difference | relative |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for model in models:
        middle = results.median(part, model, base, "seconds") or float("nan")
        for case in results.cases(part, model):
            seconds = results.values(part, model, case, "seconds") / middle
            if seconds.empty:
                continue
            time = f"{seconds.median():.3f} [{seconds.min():.3f}, {seconds.max():.3f}]"
            memory = " | ".join(_memory(results, part, model, case, base))
            worst = results.median(part, model, case, "difference")
            error = results.median(part, model, case, "relative_difference")
            yield f"| {model} | {case} | {time} | {memory} | {worst:.1g} | {error:.1g} |"


def _memory(results: Results, part: str, model: str, case: str, base: str) -> Iterator[str]:
    share = _ratio(results, part, model)(case, base, "peak_mb")
    yield "" if share is None else f"{share:.2f}"
    mine, theirs = (_added(results, part, model, side) for side in (case, base))
    yield f"{mine / theirs:.2f}" if theirs > 0 else ""


def _added(results: Results, part: str, model: str, case: str) -> float:
    """MB of the peak beyond that after loading; NaN where it was not measured."""
    peak, loaded = (results.median(part, model, case, what) for what in ("peak_mb", "loaded_mb"))
    return float("nan") if peak is None or loaded is None else peak - loaded


def _added_share(results: Results, model: str) -> float | None:
    mine, theirs = (_added(results, "encode", model, side) for side in (OURS, STOCK))
    return mine / theirs if theirs > 0 else None


def _miou_lines(results: Results) -> Iterator[str]:
    for model in results.models("miou"):
        yield ""
        yield f"Mean IoU of `{model}` (float32 → int8):"
        yield ""
        for prompt in ("box", "point"):
            full, low = (
                results.median("miou", model, precision, f"miou_{prompt}") or float("nan")
                for precision in ("float32", "int8")
            )
            yield f"- {prompt}: {full:.4f} → {low:.4f} ({low - full:+.4f})"
        count = results.median("miou", model, "int8", "instances") or 0
        yield f"- instances: {count:.0f}"


def _byte_lines(results: Results) -> Iterator[str]:
    models = results.models("bytes")
    if not models:
        return
    yield "One square photo, `interleaved`, four shards, up and down, payload without framing."
    yield "The blocks do nothing here: bytes do not depend on what they compute."
    yield ""
    yield "| model | payload | counted / computed | MB | rounds |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for model in models:
        for case in results.cases("bytes", model):
            size, expected, rounds = (
                results.median("bytes", model, case, quantity) or float("nan")
                for quantity in ("bytes", "bytes_expected", "rounds")
            )
            ratio = f"{size / expected:.6f}"
            yield f"| {model} | {case} | {ratio} | {size / 1e6:.1f} | {rounds:.0f} |"


def _run_lines(results: Results) -> Iterator[str]:
    photos = results.median("runs", "tiny", "quick", "photos")
    if photos is not None:
        first, again = (
            results.median("runs", "tiny", "quick", f"{what}_{name}") or float("nan")
            for what in ("cells_per_minute",)
            for name in ("first", "again")
        )
        yield f"`quick` on {photos:.0f} photos, attackers trained before: {first:.0f} cells a"
        yield f"minute; the same again from an empty folder: {again:.0f}."
        yield ""
    axes = [axis for axis in ("images", "shards", "attacks") if fit(results, axis)]
    if not axes:
        return
    yield "Growth of a small run, one thing varied at a time, a straight line fitted; relative to"
    yield "the smallest run. What does not grow is start-up, tables, figures and report."
    yield ""
    yield "| over | sizes | time | fixed part | each one more | largest residual |"
    yield "| --- | --- | --- | ---: | ---: | ---: |"
    for axis in axes:
        line = fit(results, axis)
        assert line is not None
        base = line.seconds[0]
        sizes = ", ".join(f"{x:g}" for x in line.sizes)
        times = ", ".join(f"{y / base:.2f}" for y in line.seconds)
        worst = np.abs(line.residuals).max() / base
        yield (
            f"| {axis} | {sizes} | {times} | {line.fixed / base:.2f} | {line.slope / base:.3f} "
            f"| {worst:.2f} |"
        )


@dataclass(frozen=True)
class Line:
    """Seconds over a size, and the straight line through them."""

    sizes: list[float]
    seconds: list[float]
    fixed: float
    slope: float

    @property
    def residuals(self) -> np.ndarray:
        """Measured minus fitted, seconds."""
        return np.array(self.seconds) - (self.fixed + self.slope * np.array(self.sizes))


def fit(results: Results, axis: str) -> Line | None:
    """The line of one axis of growth; None where fewer than three sizes were measured."""
    f = results.frame
    rows = f[(f["part"] == "runs") & (f["case"] == axis)]
    if len(rows) < 3:
        return None
    sizes = [float(x) for x in rows["quantity"]]
    seconds = [float(y) for y in rows["value"]]
    slope, fixed = np.polyfit(sizes, seconds, 1)
    return Line(sizes, seconds, float(fixed), float(slope))
