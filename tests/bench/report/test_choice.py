"""One setting where a run has several: by rule, named in the caption, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from bench.report.choice import Undecided, commonest, main_cell
from bench.report.data import RunData
from bench.report.pictures.strips import strips
from bench.report.render.html import render
from bench.report.summary.findings import exposures
from bench.report.summary.headline import headline
from bench.report.summary.key_figures import key_figures
from bench.report.topics.utility.traffic import traffic_summary
from bench.runner.folder.records import Record
from bench.spec.cells import Pipeline
from tests.bench.output_support import exposure, leak, segmentation, write_run

PLAIN: dict[str, Any] = {"defence": "none", "strength": 0.0}
NOISY: dict[str, Any] = {"defence": "gaussian", "strength": 2.0}


def pictured(folder: Path, **settings: Any) -> list[Record]:
    """Telea in one setting, with a picture whose grey level is its PSNR."""
    psnr = 12.0 if settings["defence"] == "none" else 9.0
    slug = Pipeline(policy="random", **settings).slug
    home = folder / "images" / "one"
    place = home / f"{slug}-c1"
    place.mkdir(parents=True, exist_ok=True)
    for path in (home / "truth.png", place / "telea.png"):
        Pillow.fromarray(np.full((8, 8, 3), int(psnr), np.uint8)).save(path)
    file = str((place / "telea.png").relative_to(folder))
    rows = leak("one", "telea", "psnr", psnr, **settings)
    return [row | {"image_file": file} for row in rows]


def test_pictures_are_those_of_the_undefended_setting_of_the_caption(tmp_path: Path) -> None:
    rows = pictured(tmp_path, **NOISY) + pictured(tmp_path, **PLAIN)
    [strip] = strips(write_run(tmp_path, rows))
    assert strip.setting == ("1 of 4 shards, random assignment, interleaved, float32, no defence")
    [telea] = [tile for tile in strip.tiles if tile.name == "telea"]
    assert telea.scores["psnr"] == telea.picture.max() == 12


def test_pictures_of_a_defence_alone_are_named_after_it(tmp_path: Path) -> None:
    [strip] = strips(write_run(tmp_path, pictured(tmp_path, **NOISY)))
    assert strip.setting.endswith("float32, noise 2")


@pytest.mark.parametrize("named", ["pictures", "groups"])
def test_of_two_defences_the_one_that_the_configuration_names_is_shown(
    tmp_path: Path, named: str
) -> None:
    weak = {"defence": "gaussian", "strength": 0.5}
    rows = pictured(tmp_path, **weak) + pictured(tmp_path, **NOISY)
    config: dict[str, Any] = {"groups": [{"grid": {"strength": [2.0]}}, {"grid": {}}]}
    if named == "pictures":
        config = {"pictures": [NOISY]}
    [strip] = strips(write_run(tmp_path, rows, **config))
    assert strip.setting.endswith("noise 2")


def test_two_defences_alike_are_refused_with_a_line(tmp_path: Path) -> None:
    weak = {"defence": "gaussian", "strength": 0.5}
    run = write_run(tmp_path, pictured(tmp_path, **weak) + pictured(tmp_path, **NOISY))
    with pytest.raises(Undecided, match=r"strength 0\.5 or strength 2\.0: name one under"):
        list(strips(run))
    assert "No pictures are shown: several settings come first alike" in render(run)


def test_the_headline_refuses_policies_that_are_alike(tmp_path: Path) -> None:
    rows = [
        row
        for policy in ("random", "sticky")
        for attack in ("ridge", "mean_colour")
        for row in leak("a", attack, "psnr", 10, policy=policy)
    ]
    run = write_run(tmp_path, rows)
    assert "policy random or policy sticky" in " ".join(headline(run))
    assert key_figures(run) == []


@pytest.mark.parametrize(
    ("key", "other", "first"),
    [
        ("payload", "bfloat16", "float32"),
        ("plan", "globals_last", "interleaved"),
        ("coalition_choice", "aaa", "largest"),
        ("adapted", True, False),
    ],
)
def test_ties_are_broken_by_rule_and_not_by_name(
    tmp_path: Path, key: str, other: Any, first: Any
) -> None:
    rows = leak("a", "ridge", "psnr", 10, **{key: other}) + leak("a", "ridge", "psnr", 10)
    cell = main_cell(write_run(tmp_path, rows).leakage, {})
    assert cell is not None
    assert cell[key] == first


def test_the_commonest_setting_is_refused_where_two_are_as_common() -> None:
    rows = pd.DataFrame({"policy": ["sticky", "random"], "payload": ["int8", "float32"]})
    assert list(commonest(rows, ["payload"], {})["payload"]) == ["float32"]
    config = {"groups": [{"grid": {"policy": ["sticky", "random"]}}]}
    assert list(commonest(rows, ["policy"], config)["policy"]) == ["sticky"]
    with pytest.raises(Undecided, match="policy sticky or policy random"):
        commonest(rows, ["policy"], {})


def shares(tmp_path: Path, **more: Any) -> RunData:
    rows = exposure("a", 0.31, **more)
    for attack in ("ridge", "mean_colour"):
        rows += leak("a", attack, "psnr", 10, **more)
    return write_run(tmp_path, rows)


def test_the_largest_share_is_called_so_beside_the_average_one(tmp_path: Path) -> None:
    run = shares(tmp_path)
    assert (
        "One shard of 4, random assignment, receives 31\u202f% of the picture. It is the one with "
        "the largest share; the average shard receives 25\u202f%."
    ) in headline(run)[0]
    [share] = [figure for figure in key_figures(run) if "picture" in figure.label]
    assert share.label == "of the picture reach the shard with the largest share"
    assert "the average shard gets 25\u202f%" in share.note


def test_a_policy_that_keeps_windows_at_home_has_an_average_only_where_measured(
    tmp_path: Path,
) -> None:
    [case] = exposures(shares(tmp_path, policy="sensitive_local"))
    assert case.average is None
    rows = [*shares(tmp_path, policy="sensitive_local").records.to_dict("records")]
    rows += exposure("a", 0.8, policy="sensitive_local", coalition=4)
    [case] = exposures(write_run(tmp_path / "more", rows))
    assert case.average == pytest.approx(0.2)


def test_bytes_of_a_defence_that_sends_more_stand_apart(tmp_path: Path) -> None:
    sent = {"miou_box": 0.5, "bytes_up": 1e6, "bytes_down": 1e6, "rounds": 4}
    rows = segmentation("a", sent | {"bytes_up": 3e6}, defence="decoys", strength=2.0)
    rows += segmentation("a", sent) + segmentation("a", sent, policy="sticky")
    summary = traffic_summary(write_run(tmp_path, rows))
    assert list(summary["what"]) == [
        "interleaved, float32, no defence",
        "interleaved, float32, decoys 2",
    ]
    assert list(summary["megabytes"]) == [2, 4]
