"""What is a submission, and the line that each fault gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.cli import main
from bench.submission.schema import published
from bench.submission.validate import faults
from tests.bench.submission.submission_support import scores, submission

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path):
    return submission(tmp_path / "run")


def edited(folder, file, **changes):
    content = json.loads((folder / file).read_text()) | changes
    (folder / file).write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
    return faults(folder)


def test_the_published_schema_is_the_one_that_is_checked():
    assert (ROOT / "docs/submission.schema.json").read_text() == published()


def test_a_whole_submission_is_valid(folder, capsys):
    assert main(["validate", str(folder)]) == 0
    assert "valid submission: 114 records of 3 images, 3 attacker seeds" in capsys.readouterr().out


def test_the_printed_example_is_a_card_to_fill_in(folder, capsys):
    (folder / "card.json").unlink()
    [fault] = faults(folder)
    assert "card.json is missing: fill in what 'pedbench validate --example' prints" in fault
    main(["validate", "--example"])
    example = json.loads(capsys.readouterr().out)
    (folder / "card.json").write_text(json.dumps(example))
    assert faults(folder) == [
        f"card.json: {name} is that of the example: fill in your own"
        for name in ("title", "authors", "summary")
    ]
    filled = {"title": "Ours", "authors": ["B. Writer"], "summary": "Noise, measured."}
    (folder / "card.json").write_text(json.dumps(example | filled))
    assert faults(folder) == []


@pytest.mark.parametrize(
    ("file", "changes", "text"),
    [
        ("card.json", {"title": None}, "card.json: 'title' is a required property"),
        ("card.json", {"date": "soon"}, "card.json: date: 'soon' is not a date"),
        ("card.json", {"name": "My defence"}, "card.json: name: 'My defence' is not a name of"),
        ("card.json", {"name": "mine\n"}, "card.json: name: 'mine\\n' is not a name of"),
        ("card.json", {"link": "here"}, "card.json: link: 'here' is not a web address"),
        ("card.json", {"authors": []}, "card.json: authors: [] should be non-empty"),
        ("card.json", {"authors": [""]}, "card.json: authors[0]: "),
        ("card.json", {"kind": "attack"}, "card.json: kind: 'attack' is not one of"),
        ("card.json", {"colour": "red"}, "card.json: Additional properties are not allowed"),
        ("card.json", {"challenges": "a", "reproduces": "b"}, "leave one empty"),
        ("environment.json", {"commit": None}, "environment.json: 'commit' is a required"),
        ("environment.json", {"weights": "other"}, "records.parquet: weights 'shipped:feed' is"),
        ("environment.json", {"model": "vit_b"}, "config.yaml: model 'tiny' is not the 'vit_b'"),
    ],
)
def test_a_fault_of_a_file_is_one_line(folder, file, changes, text):
    found = edited(folder, file, **changes)
    assert len(found) == 1
    assert text in found[0]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("card.json", "card.json is missing"),
        ("environment.json", "environment.json is missing"),
        ("config.yaml", "config.yaml cannot be read"),
        ("records.parquet", "holds no records.parquet"),
        ("attackers.json", "attackers.json is missing or damaged, but 'ridge' was trained"),
    ],
)
def test_a_missing_file_is_named(folder, file, text):
    (folder / file).unlink()
    found = faults(folder)
    assert len(found) == 1
    assert text in found[0]


def test_every_fault_gets_its_line(folder, capsys):
    (folder / "card.json").write_text("{")
    (folder / "environment.json").unlink()
    assert main(["validate", str(folder)]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"status": "fine"}, "column status: 'fine' is not one of"),
        ({"n_shards": 0}, "column n_shards: 0 is less than the minimum of 1"),
        ({"region": "left"}, "column region: 'left' is not one of"),
        ({"value": None}, "value: None is not of type 'number' where status is 'ok'"),
        ({"status": "failed"}, "error: None is not of type 'string' where status is 'failed'"),
        ({"coalition": None}, "coalition: None should not be valid"),
        ({"dataset": None}, "column dataset: None is not of type 'string'"),
        ({"value": float("inf")}, "column value: inf is no finite number"),
    ],
)
def test_a_fault_of_records_is_told_once_however_many_have_it(tmp_path, changes, text):
    records = scores()
    records[-1] |= changes
    records[-2] |= changes
    found = faults(submission(tmp_path / "run", records))
    assert len(found) == 1
    assert text in found[0]


@pytest.mark.parametrize("content", ["[" * 100_000, '{"name": ' + "1" * 5000 + "}", '{"a": NaN}'])
def test_json_that_python_alone_or_nobody_reads_is_one_line(folder, content):
    (folder / "card.json").write_text(content)
    [fault] = faults(folder)
    assert "card.json cannot be read" in fault


@pytest.mark.parametrize("content", ["5", '{"a": 1}', "[3]"])
def test_cards_of_attackers_that_are_none_count_as_missing(folder, content):
    (folder / "attackers.json").write_text(content)
    [fault] = faults(folder)
    assert "attackers.json is missing or damaged" in fault


def test_nothing_to_check_is_bad_input(tmp_path, capsys):
    assert main(["validate"]) == 2
    assert main(["validate", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err
