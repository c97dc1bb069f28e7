"""The package in ``examples/plugin``, installed and used by a run of two worker processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.runner.folder.records import read_records

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin"
ORIGIN = "pedbench-example@0.1.0"
PARTS = {
    "encoders": "small",
    "attacks": "grey",
    "defences": "clip",
    "metrics": "mean_error",
    "segmentation_metrics": "dice",
    "policies": "backwards",
    "datasets": "disc",
    "recognisers": "brightness",
    "threats": "few_photos",
    "figures": "error_bars",
    "tables": "statuses",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Environment variables under which the example is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", folder / "site", folder / "source"]
    subprocess.run(command, check=True, timeout=120)
    path = os.pathsep.join([str(ROOT), str(folder / "site")])
    return {**os.environ, "PYTHONPATH": path, "PEDBENCH_CACHE": str(folder / "cache")}


def pedbench(environment, *arguments):
    command = [sys.executable, "-m", "pedbench", *map(str, arguments)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True)


def test_every_part_is_listed_with_its_origin(environment):
    kind, found = "", {}
    for line in pedbench(environment, "list").stdout.splitlines():
        if not line.startswith(" "):
            kind = line.rstrip(":")
        elif line.endswith("[pedbench-example 0.1.0]"):
            found[kind] = line.split()[0]
    assert found == PARTS


@pytest.fixture(scope="module")
def out(environment, tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("run") / "out"
    command = ["run", "--preset", EXAMPLE / "example.yaml", "--out", folder]
    pedbench(environment, *command, "--workers", 2)
    return folder


def test_a_run_uses_every_part_and_says_so(out):
    records = read_records(out)
    assert set(records["status"]) <= {"ok", "unsupported", "not_applicable"}
    grey = records[records["attack"] == "grey"]
    assert {"mean_error", "brightness_match", "psnr"} <= set(grey["metric"])
    assert {"dice_box", "dice_fill", "miou_box"} <= set(records["metric"])
    assert set(records["plugins"]) == {ORIGIN}
    assert set(records["public_photos"]) >= {"1"}
    told = json.loads((out / "environment.json").read_text())["plugins"]
    assert told["attack grey"] == ORIGIN
    assert len(told) == len(PARTS)
    page = (out / "report.html").read_text()
    assert (out / "figures" / "error_bars.png").is_file()
    assert (out / "tables" / "statuses.csv").is_file()
    for word in (
        "The mean error of each attack over all photos",
        "Records by status",
        "small_vit",
        "grey",
        "clip",
        "mean error",
        "Dice, box",
        "backwards",
        "disc:1",
        "brightness",
        ORIGIN,
    ):
        assert word in page


def test_results_of_a_part_whose_code_changed_are_computed_again(environment, out):
    attack = Path(environment["PYTHONPATH"].split(os.pathsep)[1]) / "pedbench_example" / "attack.py"
    attack.write_text(attack.read_text() + "\nCHANGED = True\n")
    grey = read_records(out).query("attack == 'grey'")
    cells = grey["strength"].nunique()
    command = ["run", "--preset", EXAMPLE / "example.yaml", "--out", out, "--workers", 1]
    done = pedbench(environment, *command)
    told = re.search(r"(\d+) finished cells .* changed \((.*)\): (\d+) of them", done.stderr)
    assert told[2] == "attack grey"
    assert told[1] == told[3]
    assert int(told[1]) >= cells
    assert done.stdout.startswith(f"{told[1]} new cells, ")
