"""One picture: time and memory against stock, cost of sharing out, growth of runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from studies.performance.encode import MONOLITHIC, OURS, OURS_SYSTEM, STOCK, STOCK_KEPT
from studies.performance.report import fit
from studies.performance.results import Results

COLOURS = ("#667079", "#b0b8bf", "#0072b2", "#7fb8d8")


def draw(results: Results, path: Path) -> None:
    """Write the figure; panels without data say so."""
    fig, axes = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
    _bars(axes[0], results, "seconds", "time / stock's")
    _bars(axes[1], results, "peak_mb", "peak memory / stock's")
    _shards(axes[2], results)
    _growth(axes[3], results)
    fig.savefig(path, dpi=130)
    plt.close(fig)


def _bars(ax: Axes, results: Results, quantity: str, label: str) -> None:
    models = results.models("encode")
    for i, case in enumerate((STOCK, STOCK_KEPT, OURS_SYSTEM, OURS)):
        shares = [
            (results.median("encode", m, case, quantity) or np.nan)
            / (results.median("encode", m, STOCK, quantity) or np.nan)
            for m in models
        ]
        colour = (COLOURS[0], COLOURS[1], COLOURS[3], COLOURS[2])[i]
        ax.bar(np.arange(len(models)) + 0.2 * (i - 1.5), shares, 0.2, label=case, color=colour)
    ax.set_xticks(range(len(models)), models)
    ax.set_ylabel(label)
    _finish(ax, bool(models))


def _shards(ax: Axes, results: Results) -> None:
    models = results.models("shards")
    for model in models:
        base = results.median("shards", model, MONOLITHIC, "seconds")
        cases = [c for c in results.cases("shards", model) if c != MONOLITHIC]
        counts = [int(case.split()[0]) for case in cases]
        times = [results.median("shards", model, case, "seconds") for case in cases]
        ax.plot(counts, [t / base for t in times if t and base], "o-", label=model)
    ax.set_xlabel("shards in one process")
    ax.set_ylabel("time / in one piece")
    _finish(ax, bool(models))


def _growth(ax: Axes, results: Results) -> None:
    lines = {axis: fit(results, axis) for axis in ("images", "shards", "attacks")}
    for axis, line in lines.items():
        if line is not None:
            [marks] = ax.plot(line.sizes, np.array(line.seconds) / line.seconds[0], "o", label=axis)
            fitted = line.fixed + line.slope * np.array(line.sizes)
            ax.plot(line.sizes, fitted / line.seconds[0], "-", color=marks.get_color())
    ax.set_xlabel("images, shards or attacks")
    ax.set_ylabel("time of a run / the smallest's")
    _finish(ax, any(line is not None for line in lines.values()))


def _finish(ax: Axes, measured: bool) -> None:
    ax.set_ylim(0, 1.05 * ax.get_ylim()[1])
    ax.spines[["top", "right"]].set_visible(False)
    if measured:
        ax.legend(fontsize=7, frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    else:
        ax.text(0.5, 0.5, "not measured", ha="center", transform=ax.transAxes)
