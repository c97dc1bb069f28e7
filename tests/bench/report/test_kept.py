"""Tables and page of the same records are made once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench.cache.store import Store
from bench.report import write
from bench.report.data import RunData
from bench.report.kept import kept
from bench.report.render import html


@pytest.fixture
def stored(full: RunData, tmp_path: Path) -> RunData:
    """A few records of a run, with a store."""
    folder, store = tmp_path / "run", Store(tmp_path / "store", 10**8)
    return dataclasses.replace(full, folder=folder, records=full.records.head(60), store=store)


def test_the_same_records_give_the_part_again_and_others_do_not(stored: RunData) -> None:
    shuffled = stored.records.sample(frac=1, random_state=0)
    changed = stored.records.assign(value=stored.records["value"] * 0.5)
    assert kept(stored, "part", lambda: ({"a": 1}, True)) == {"a": 1}
    again = dataclasses.replace(stored, records=shuffled)
    other = dataclasses.replace(stored, records=changed)
    assert kept(again, "part", lambda: ({"a": 2}, True)) == {"a": 1}
    assert kept(other, "part", lambda: ({"a": 3}, True)) == {"a": 3}
    assert kept(stored, "other part", lambda: ({"a": 4}, True)) == {"a": 4}


def test_what_may_come_out_otherwise_is_made_again(stored: RunData) -> None:
    assert kept(stored, "part", lambda: (1, False)) == 1
    assert kept(stored, "part", lambda: (2, True)) == 2
    assert kept(stored, "part", lambda: (3, True)) == 2


def test_tables_and_page_are_written_as_before_and_built_once(
    stored: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "drawings_of", lambda run: ())
    tables = {path: path.read_text() for path in write._save_tables(stored, write.quiet)}
    page = html.render(stored)

    def unwanted(run: RunData) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(write, "tables_of", unwanted)
    monkeypatch.setattr(html, "tables_of", unwanted)
    again = dataclasses.replace(stored, records=stored.records.copy())
    assert tables
    assert {path: path.read_text() for path in write._save_tables(again, write.quiet)} == tables
    assert html.render(again) == page
