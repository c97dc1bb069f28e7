"""A sample of a run is recomputed: what holds, what was altered, what cannot be checked here."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from bench.cli import main
from bench.runner.folder.contents import VERIFIED, discard
from bench.runner.folder.journal import JOURNAL
from bench.runner.folder.records import to_frame, write_records
from bench.runner.run import run
from bench.spec.cells import AttackCell
from bench.spec.config import load_preset, read_config
from bench.submission.entry import _verified
from bench.submission.measured import measured_in
from bench.submission.verify import verify
from framework.declaration import written

PRESET = """
model: toy
checkpoint: random
data: synthetic:2
public: []
seeds: [0]
groups:
  - policy: [random, strided]
    n_shards: [4]
    coalitions: {4: [1, 4]}
    attacks: [telea, mean_colour]
    segmentation: true
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    (home / "small.yaml").write_text(PRESET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(home / "cache"))
        run(load_preset(str(home / "small.yaml")), home / "run", workers=1)
    return home / "run"


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def altered(folder, change):
    path = folder / JOURNAL
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    for entry in entries:
        for record in entry.get("records", ()):
            change(record)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_an_honest_run_agrees(folder, capsys):
    assert main(["verify", str(folder), "--sample", "5"]) == 0
    assert "5 cells recomputed" in capsys.readouterr().out
    kept = json.loads((folder / VERIFIED).read_text())
    assert kept["cells"] == 5
    assert kept["disagreeing"] == 0


def test_metrics_that_were_added_later_are_recomputed_too(folder, tmp_path):
    kept = tmp_path / "kept"
    run(replace(read_config(folder / "config.yaml"), keep_reconstructions=True), kept, workers=1)
    assert main(["rescore", str(kept), "--metrics", "vif"]) == 0
    found = verify(kept, 50, 0)
    assert found.agrees
    assert "vif" in set(found.table["metric"])


def test_what_rescore_does_not_score_is_no_difference(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    preset = PRESET.replace("[1, 4]", "[1, 2]").replace("synthetic:2", "synthetic:1")
    (tmp_path / "small.yaml").write_text(preset)
    config = replace(load_preset(str(tmp_path / "small.yaml")), keep_reconstructions=True)
    run(config, tmp_path / "run", workers=1)
    assert main(["rescore", str(tmp_path / "run"), "--metrics", "vif"]) == 0
    regions = verify(tmp_path / "run", 50, 0).table.groupby("metric")["region"].unique()
    assert "always_hidden" in regions["psnr"]
    assert "always_hidden" not in regions["vif"]
    assert verify(tmp_path / "run", 50, 0).agrees


def test_a_part_that_is_gone_is_named_with_its_package(folder, capsys):
    settings, facts = folder / "config.yaml", folder / "environment.json"
    settings.write_text(settings.read_text().replace("telea", "tint"))
    plugins = {"attack tint": "pedbench-tint@0.1.0"}
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"plugins": plugins}))
    assert main(["verify", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "was run with attack tint of pedbench-tint@0.1.0: install that package" in said


def test_a_verification_counts_for_the_records_that_it_saw_alone(folder, capsys):
    main(["verify", str(folder), "--sample", "1"])
    assert _verified(folder)["cells"] == 1
    records = folder / "records.parquet"
    records.write_bytes(records.read_bytes() + b" ")
    assert _verified(folder) is None
    assert "is of other records" in capsys.readouterr().err
    discard(folder)
    assert not (folder / VERIFIED).exists()


@pytest.mark.slow
def test_one_record_that_says_unsupported_does_not_end_the_comparison(folder):
    given = []

    def excuse(record):
        if record["metric"] == "psnr" and record["status"] == "ok":
            record["value"] -= 1
            if not given:
                given.append(record)
                record["status"], record["value"] = "unsupported", None

    altered(folder, excuse)
    assert not verify(folder, 100, seed=0).agrees


def test_findings_are_told_even_where_they_cannot_be_kept(folder, capsys):
    (folder / VERIFIED).mkdir()
    assert main(["verify", str(folder), "--sample", "1"]) == 2
    captured = capsys.readouterr()
    assert f"{folder} agrees" in captured.out
    assert f"cannot write {folder / VERIFIED}" in captured.err


@pytest.mark.slow
def test_the_same_seed_chooses_the_same_cells(folder):
    first, second = (verify(folder, 3, seed=1).table for _ in range(2))
    assert first.equals(second)


@pytest.mark.slow
def test_an_altered_value_is_found(folder, capsys):
    def flatter(record):
        if record["metric"] == "psnr" and record["status"] == "ok":
            record["value"] -= 1

    altered(folder, flatter)
    assert main(["verify", str(folder), "--sample", "100"]) == 1
    printed = capsys.readouterr().out
    assert "disagrees in" in printed
    assert json.loads((folder / VERIFIED).read_text())["disagreeing"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("flattery", [0, 1])
def test_a_folder_without_a_journal_is_verified_by_its_records(folder, flattery):
    cells = len(measured_in(folder, read_config(folder / "config.yaml")))
    (folder / JOURNAL).unlink()
    records = pd.read_parquet(folder / "records.parquet")
    records.loc[records["metric"] == "psnr", "value"] -= flattery
    records.to_parquet(folder / "records.parquet")
    found = verify(folder, 100, seed=0)
    assert found.cells == cells
    assert found.agrees == (not flattery)


def test_records_of_recognisers_go_with_the_attack_whose_picture_they_judge(tmp_path):
    preset = PRESET + "    recognise: [sam_objects]\n    recognise_on: [telea]\n"
    (tmp_path / "small.yaml").write_text(preset)
    config = load_preset(str(tmp_path / "small.yaml"))
    row = {"model": "toy", "attack": "", "image_id": "a", "metric": "psnr", "region": "full"}
    rows = [row | written(cell) | {"value": 1.0, "status": "ok"} for cell in config.cells()]
    write_records([to_frame(rows)], tmp_path)
    groups = [units for units, _ in measured_in(tmp_path, config).values()]
    assert sorted(u.cell.id for units in groups for u in units) == sorted(
        cell.id for cell in config.cells()
    )
    together = [{type(u.cell), u.cell.attack} for units in groups if len(units) > 1 for u in units]
    assert together
    assert all({AttackCell, "telea"} == names for names in together if "seen" not in names)


@pytest.mark.slow
def test_a_record_that_was_left_out_is_found(folder):
    for_telea = [True]

    def drop(record):
        if record["attack"] == "telea" and record["metric"] == "psnr" and for_telea.pop():
            for_telea.append(False)
            record["metric"] = "left out"

    altered(folder, lambda record: drop(record) if for_telea[0] else None)
    assert not verify(folder, 100, seed=0).agrees


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda folder: (folder / "config.yaml").unlink(), "give a run's folder"),
        (lambda folder: (folder / JOURNAL).write_text(""), "has no finished cell"),
        (
            lambda folder: (folder / "records.parquet").write_bytes(b"half"),
            "records.parquet is damaged",
        ),
        (
            lambda folder: (folder / "environment.json").write_text(
                (folder / "environment.json").read_text().replace("random", "other")
            ),
            "was made with another weights",
        ),
    ],
)
def test_what_cannot_be_verified_is_one_line(folder, capsys, spoil, text):
    spoil(folder)
    assert main(["verify", str(folder)]) == 2
    assert text in capsys.readouterr().err
