"""The journal keeps every finished unit through a crash, and no half of one."""

import os
import time

import pytest

from bench.runner.folder.journal import Journal, Unit, journal_frames, read_journal
from bench.runner.folder.records import CELL, count_records
from bench.runner.run import rebuild_records, refresh_records
from bench.spec.cells import Pipeline, SegmentationCell
from framework import PedbenchError
from tests.framework.support import message_of, no_file_beyond

HERE = {"commit": "abc"}
CELLS = [SegmentationCell(Pipeline(n_shards=n)) for n in (4, 9)]


def unit(image: str, number: int = 0, key: str = "k") -> Unit:
    return Unit(image, CELLS[number], key)


def record(image: str, value: float, number: int = 0, **more):
    facts = {"image_id": image, "metric": "psnr", CELL: CELLS[number].id}
    return {**facts, "status": "ok", "value": value, **more}


def values(path):
    return [record["value"] for record in read_journal(path)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append([unit("a")], [record("a", 20.0)], HERE)
    journal.append([unit("b")], [record("b", 21.0)], HERE)
    journal.close()
    return path


def test_a_half_written_line_is_discarded(path):
    path.write_bytes(path.read_bytes() + b'{"units":["a:3"],"records":[{"met')
    assert values(path) == [20.0, 21.0]
    resumed = Journal(path)
    assert [done.image_id for done in resumed.done.values()] == ["a", "b"]
    resumed.append([unit("c")], [record("c", 22.0)], HERE)
    resumed.close()
    assert values(path) == [20.0, 21.0, 22.0]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_score(path, value):
    path.write_text(path.read_text().replace("21.0", value))
    with pytest.raises(PedbenchError, match=r"is damaged in line 2: delete"):
        values(path)


def test_records_are_not_rebuilt_from_a_journal_that_lost_lines(path):
    rebuild_records(path.parent)
    assert count_records(path.parent) == 2
    first, _ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first)
    os.utime(path, (path.stat().st_atime, time.time() + 9))
    with pytest.raises(PedbenchError, match=r"holds 1 records, records.parquet 2: restore"):
        refresh_records(path.parent)
    assert count_records(path.parent) == 2
    path.write_bytes(first + b'{"void":["x"]}\n')
    os.utime(path, (path.stat().st_atime, time.time() + 9))
    refresh_records(path.parent)
    assert count_records(path.parent) == 1, "units that no longer count are gone on purpose"


def test_units_and_records_stay_together(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    records = [record("a", 1.0), record("a", 2.0), record("a", 3.0, 1)]
    journal.append([unit("a"), unit("a", 1)], records, HERE)
    journal.close()
    assert list(Journal(path).done.values()) == [unit("a"), unit("a", 1)]
    assert [record["commit"] for record in read_journal(path)] == ["abc"] * 3


def test_of_doubles_the_last_line_counts(path):
    path.write_bytes(path.read_bytes() * 2)
    assert values(path) == [20.0, 21.0]
    journal = Journal(path)
    journal.append([unit("a", key="new")], [record("a", 30.0)], HERE)
    journal.close()
    assert values(path) == [21.0, 30.0]
    assert {done.key for done in Journal(path).done.values()} == {"k", "new"}


def test_what_is_void_is_neither_done_nor_read(path):
    journal = Journal(path)
    journal.void([name for name in journal.done if name.endswith(":a")])
    journal.close()
    assert values(path) == [21.0]
    assert [done.image_id for done in Journal(path).done.values()] == ["b"]


def test_an_image_that_cannot_be_read_is_one_record_until_it_can(path):
    journal = Journal(path)
    broken = {"image_id": "c", "metric": "load", "status": "failed", "value": None}
    journal.append([unit("c"), unit("c", 1)], [broken], HERE)
    journal.append([unit("c", 1)], [broken], HERE)
    assert [done.failed for done in journal.done.values()] == [False, False, True, True]
    assert values(path) == [20.0, 21.0, None]
    journal.append([unit("c"), unit("c", 1)], [record("c", 22.0)], HERE)
    journal.close()
    assert values(path) == [20.0, 21.0, 22.0]


@pytest.mark.parametrize(
    "garbage",
    [
        *(b"nonsense\n", b"{}\n", b"5\n", b"null\n", b"\n", b"\xff\x00\n", b'"void"\n'),
        b"[" * 100_000 + b"\n",
        b'{"void":3}\n',
        b'{"units":1,"records":[],"provenance":{}}\n',
        b'{"units":{},"records":[5],"provenance":{}}\n',
        b'{"units":{},"records":[],"provenance":[]}\n',
        b'{"units":{"0:a":5},"cells":{},"records":[],"provenance":{}}\n',
        b'{"units":{"0:a":["k"]},"cells":{},"records":[],"provenance":{}}\n',
        b'{"units":{"0:a":[1,"k"]},"cells":{},"records":[],"provenance":{}}\n',
        b'{"units":[1,2],"records":[],"provenance":{}}\n',
        b'{"void":[{}]}\n',
        b'{"units":{},"records":[{"metric":"psnr"}],"provenance":{}}\n',
        b'{"units":{},"records":[{"image_id":"a"}],"provenance":{}}\n',
        b'{"units":{},"inputs":{"":5},"records":[],"provenance":{}}\n',
    ],
)
def test_garbage_is_named_with_its_line(path, garbage):
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + garbage + second)
    for read in (Journal, values):
        with pytest.raises(PedbenchError, match=r"journal\.jsonl is damaged in line 2: delete"):
            read(path)


@pytest.mark.parametrize(
    "wrong",
    [
        *('"value":"abc"', '"value":1e400', '"seconds":"soon"', '"seed":0.5'),
        *('"n_shards":"four"', '"adapted":"maybe"', f'"seed":{10**400}'),
    ],
)
def test_a_value_of_another_type_is_one_line(path, wrong):
    path.write_text(path.read_text().replace('"value":21.0', wrong))
    with pytest.raises(PedbenchError, match=r"journal\.jsonl is damaged \(.*--fresh"):
        list(journal_frames(path))


@pytest.mark.parametrize("cell", ["{}", "[]", "[1,2]", '["attack",{}]', '"ab"', "null"])
def test_a_cell_of_another_form_is_unknown(path, cell):
    start = '{"units":{"0123:a":["k",true]},"provenance":{},"records":[],"cells":{"0123":'
    line = f"{start}{cell}}}}}"
    path.write_text(line + "\n")
    assert Journal(path).unknown == {"0123:a"}


def test_lines_of_older_versions_are_read_but_not_known_to_hold(path):
    score = '{"image_id":"a","metric":"psnr","value":9.0}'
    path.write_text(f'{{"units":["0123:a"],"provenance":{{"commit":"old"}},"records":[{score}]}}\n')
    assert values(path) == [9.0]
    journal = Journal(path)
    assert (journal.done, journal.unknown) == ({}, {"0123:a"})
    journal.void(journal.unknown)
    journal.close()
    assert values(path) == []


def test_a_full_disk_ends_with_one_line_and_loses_nothing(path):
    journal = Journal(path)
    with no_file_beyond(path.stat().st_size + 20):
        text = message_of(lambda: journal.append([unit("c")], [record("c" * 99, 1.0)], HERE))
        journal.close()
    assert text.startswith(f"cannot write {path}")
    assert text.endswith("what is done is kept")
    again = Journal(path)
    assert [done.image_id for done in again.done.values()] == ["a", "b"]
    again.append([unit("c")], [record("c", 22.0)], HERE)
    again.close()
    assert values(path) == [20.0, 21.0, 22.0]
