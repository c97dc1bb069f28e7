"""`pedbench compare`: the same settings on the same photos, averaged as the report does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import main
from bench.report.aggregate.segmentation import summarize
from bench.report.comparison import compare_runs
from bench.runner.folder.records import Record
from tests.bench.output_support import leak, segmentation, write_run


def masks(change: float = 0.0, names: str = "ab") -> list[Record]:
    """One photo of one mask and one of three; the second photo's score changes."""
    first = {"miou_box": 0.3, "instances": 1}
    second = {"miou_box": 0.7 + change, "instances": 3}
    return segmentation(names[0], first) + segmentation(names[1], second)


def compared(tmp_path: Path, before: list[Record], after: list[Record], *more: str) -> int:
    for name, records in (("before", before), ("after", after)):
        write_run(tmp_path / name, records)
    return main(["compare", str(tmp_path / "before"), str(tmp_path / "after"), *more])


def test_means_over_masks_are_those_of_the_report(tmp_path: Path) -> None:
    before, after = write_run(tmp_path / "1", masks()), write_run(tmp_path / "2", masks(0.1))
    [row] = compare_runs(before.records, after.records).changed.to_dict("records")
    assert row["before"] == pytest.approx(summarize(before)["miou_box"].iloc[0]) == 0.6
    assert row["after"] == pytest.approx(summarize(after)["miou_box"].iloc[0])
    assert row["difference"] == pytest.approx(0.075)
    assert row["difference_low"] <= row["difference"] <= row["difference_high"]


def test_attacker_seeds_are_averaged_before_photos(tmp_path: Path) -> None:
    rows = leak("a", "ridge", "psnr", 10) + leak("a", "ridge", "psnr", 12, seed=1)
    rows += leak("b", "ridge", "psnr", 20)
    before = write_run(tmp_path / "1", rows).records
    after = before.assign(value=before["value"] + 1)
    [row] = compare_runs(before, after).table.to_dict("records")
    assert (row["before"], row["difference"], row["images"]) == (15.5, 1, 2)
    assert (row["difference_low"], row["difference_high"]) == (1, 1)


def spoilt(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / "records.parquet"
    change(pd.read_parquet(path)).to_parquet(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda table: table[["value"]], "columns image_id, model, plan"),
        (lambda table: table.drop(columns="coalition"), "columns coalition are missing"),
        (lambda table: table.assign(value="x"), "is damaged"),
        (lambda table: table.assign(adapted="perhaps"), "is damaged"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "report", "paper", "survey"])
def test_records_that_are_none_are_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    text: str,
) -> None:
    folder = write_run(tmp_path / "run", masks()).folder
    spoilt(folder, change)
    assert main([command, *[str(folder)] * (1 + (command == "compare"))]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "settings",
    [
        *("{: [", "\x00", "[1]", "groups: 5", "pictures: 7", "groups: [1]", "[" * 3000),
        *("pictures: [{policy: [a]}]", "groups: [{grid: 5}]", "groups: [{grid: {plan: 5}}]"),
    ],
)
def test_settings_that_are_none_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: str
) -> None:
    folder = write_run(tmp_path / "run", masks()).folder
    (folder / "config.yaml").write_text(settings)
    assert main(["tables", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "config.yaml" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "facts",
    [
        *("[" * 100_000, "[1]", '{"machine": 3}', '{"substitutes": 7}'),
        *('{"defences": null}', '{"defences": []}'),
    ],
)
def test_facts_that_are_none_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], facts: str
) -> None:
    folder = write_run(tmp_path / "run", masks()).folder
    (folder / "environment.json").write_text(facts)
    assert main(["tables", str(folder)]) == 2
    assert "environment.json is damaged: delete it" in capsys.readouterr().err


def test_a_missing_folder_beside_a_latency_run_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    timed = Path(__file__).parents[3] / "results/reference/latency-tiny"
    assert main(["compare", str(timed), str(tmp_path / "nowhere")]) == 2
    assert "nowhere holds no records.parquet" in capsys.readouterr().err
    folder = write_run(tmp_path / "run", masks()).folder
    assert main(["compare", str(folder), str(timed)]) == 2
    assert f"{timed} is a latency run" in capsys.readouterr().err


def test_runs_without_a_common_photo_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(tmp_path, masks(), masks(names="cd")) == 2
    captured = capsys.readouterr()
    assert "share no photo" in captured.err
    assert "no difference" not in captured.out


def test_common_photos_without_a_common_setting_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = [record | {"plan": "prefix"} for record in masks()]
    assert compared(tmp_path, masks(), other) == 2
    assert "share 2 photos, but no setting" in capsys.readouterr().err


def test_an_unknown_metric_is_refused_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(tmp_path, masks(), masks(), "--metric", "miou_bx") == 2
    assert "did you mean 'miou_box'" in capsys.readouterr().err


def test_a_metric_of_one_run_alone_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = masks() + segmentation("a", {"miou_point": 0.5})
    assert compared(tmp_path, masks(), more, "--metric", "miou_point") == 2
    assert "before has no score 'miou_point'" in capsys.readouterr().err


def test_one_metric_is_still_weighed_by_masks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(tmp_path, masks(), masks(0.1), "--metric", "miou_box", "--all") == 0
    assert "0.6000" in capsys.readouterr().out


def test_scores_that_do_not_differ_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = leak("a", "ridge", "psnr", 10)
    before, after = (leak("a", "telea", "psnr", n) + leak("b", "telea", "psnr", n) for n in (3, 4))
    assert compared(tmp_path, before + same, after + same) == 0
    told = capsys.readouterr().out
    start = "2 scores compared on the 2 photos that both runs have, 1 differ clearly (95 % interval"
    assert told.startswith(start)
    assert "ridge" not in told
    assert told.endswith("\n1 do not (1 the same on every photo); --all shows them\n")


def test_noise_below_the_digits_shown_is_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = leak("a", "ridge", "psnr", 10) + leak("b", "ridge", "psnr", 12)
    after = leak("a", "ridge", "psnr", 10 - 1e-6) + leak("b", "ridge", "psnr", 12 - 1e-6)
    assert compared(tmp_path, before, after) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("that both runs have, 0 differ clearly")
    assert second == "1 do not (0 the same on every photo); --all shows them"
    assert compared(tmp_path, before, after, "--all") == 0
    told = capsys.readouterr().out
    assert "10.0000" not in told
    assert "0.0000" in told
    assert "-0.0000" not in told


def test_changes_that_cancel_out_are_not_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = leak("a", "ridge", "psnr", 10) + leak("b", "ridge", "psnr", 12)
    after = leak("a", "ridge", "psnr", 12) + leak("b", "ridge", "psnr", 10)
    assert compared(tmp_path, before, after) == 0
    assert "(0 the same on every photo)" in capsys.readouterr().out


def test_a_single_photo_has_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = (leak("a", "ridge", "psnr", value) for value in (10, 12))
    assert compared(tmp_path, before, after) == 0
    assert "1 differ clearly (no interval, as there is one photo)" in capsys.readouterr().out


def test_what_one_run_lacks_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = leak("a", "telea", "psnr", 10, status="failed")
    good = leak("a", "telea", "psnr", 10)
    assert compared(tmp_path, masks() + good, masks() + failed) == 0
    assert "in the first run alone: 1 score" in capsys.readouterr().out


def test_photos_with_other_masks_are_left_out_of_means_over_masks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = segmentation("a", {"miou_box": 0.9, "instances": 2}) + masks()[2:]
    assert compared(tmp_path, masks(), after) == 0
    out = capsys.readouterr().out
    assert "differs in the second run: 1 photo" in out
    assert "0.9000" not in out
