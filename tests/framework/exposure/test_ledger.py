"""The ledger survives, is shared, and takes no other file for one of its own."""

from __future__ import annotations

import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from framework import PedbenchError
from framework.exposure import Caps, Guard, Ledger, View
from framework.exposure.ledger import APPLICATION, SCHEMA, Send
from tests.framework.simulation import SIDE, round_of
from tests.framework.support import message_of


def send(server: str = "a", frame: int = 0, box=(0, 0, 4, 5), window: int = 0) -> Send:
    return Send("session", "yard", frame, 0, server, window, box)


def filled(path) -> Ledger:
    ledger = Ledger(path)
    with ledger.transaction():
        ledger.open_scene("yard", (10, 20))
        ledger.enter([send(), send(frame=1), send("b", box=(2, 2, 10, 20)), send(box=(0, 0, 0, 0))])
    return ledger


def test_it_survives_a_restart(tmp_path):
    filled(tmp_path / "l.db").close()
    ledger = Ledger(tmp_path / "l.db")
    assert ledger.scenes() == {"yard": (10, 20)}
    assert ledger.counts("yard") == {"a": 3, "b": 1}
    assert ledger.frames("yard") == 2
    assert set(ledger.seen("yard")) == {
        ("a", (0, 0, 4, 5)),
        ("b", (2, 2, 10, 20)),
        ("a", (0, 0, 0, 0)),
    }
    coverage = ledger.coverage("yard")
    assert coverage.of("a").sum() == 20
    assert coverage.of("b").sum() == 8 * 18
    assert coverage.union("ab").sum() == 20 + 8 * 18 - 2 * 3


def test_two_edges_share_one(tmp_path):
    first, second = filled(tmp_path / "l.db"), Ledger(tmp_path / "l.db")
    last = second.last()
    with first.transaction():
        first.enter([send("c", box=(1, 1, 2, 2))])
    assert second.seen("yard", after=last) == [("c", (1, 1, 2, 2))]
    second.db.execute("PRAGMA busy_timeout = 10")
    with first.transaction():
        assert "locked" in message_of(lambda: second.transaction().__enter__())


def test_what_fails_is_not_entered(tmp_path):
    ledger = filled(tmp_path / "l.db")

    def interrupted():
        with ledger.transaction():
            ledger.enter([send("z")])
            raise PedbenchError("stop")

    assert message_of(interrupted) == "stop"
    assert "z" not in ledger.counts("yard")
    with ledger.transaction():
        ledger.enter([send("y")])
    assert ledger.counts("yard")["y"] == 1


def test_an_entry_is_on_the_disk_at_the_end_of_its_transaction(tmp_path):
    ledger = filled(tmp_path / "l.db")
    assert ledger.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert ledger.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    copy = sqlite3.connect(tmp_path / "l.db")
    assert copy.execute("SELECT count(*) FROM sends").fetchone() == (4,)


def test_a_scene_keeps_its_size(tmp_path):
    ledger = filled(tmp_path / "l.db")
    assert "another name" in message_of(lambda: ledger.open_scene("yard", (11, 20)))
    assert "did you mean 'yard'" in message_of(lambda: ledger.coverage("yarn"))


def test_foreign_files(tmp_path):
    text, other = tmp_path / "text", tmp_path / "other.db"
    text.write_text("no database at all, " * 50)
    assert "cannot be used" in message_of(lambda: Ledger(text))
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    assert "not a ledger" in message_of(lambda: Ledger(other))
    assert "cannot be used" in message_of(lambda: Ledger(tmp_path / "missing" / "l.db"))
    assert "does not exist" in message_of(lambda: Ledger(tmp_path / "none.db", create=False))
    assert not (tmp_path / "none.db").exists()


def beside(path, suffix: str):
    return path.with_name(path.name + suffix)


def test_a_ledger_that_was_cut_or_deleted_is_refused(tmp_path):
    path = tmp_path / "l.db"
    filled(path).close()
    whole = path.read_bytes()
    path.write_bytes(b"")
    assert "is empty" in message_of(lambda: Ledger(path))
    path.write_bytes(whole[:4096])
    message_of(lambda: Ledger(path))
    path.unlink()
    assert "is gone and had 4 entries" in message_of(lambda: Ledger(path))
    assert "is gone" in message_of(lambda: Ledger(path, create=False))
    path.write_bytes(whole)
    assert Ledger(path).last() == 4


def test_an_empty_file_is_no_new_ledger(tmp_path):
    (tmp_path / "l.db").touch()
    assert "is empty" in message_of(lambda: Ledger(tmp_path / "l.db"))


@pytest.mark.parametrize("harm", ["unlink", "truncate", "replace", "wal"])
def test_a_ledger_that_is_lost_while_in_use_is_refused(tmp_path, harm):
    path = tmp_path / "l.db"
    guard = Guard(filled(path))
    other = tmp_path / "other.db"
    Ledger(other).close()
    if harm == "truncate":
        os.truncate(path, 0)
    elif harm == "replace":
        os.replace(other, path)
    else:
        (path if harm == "unlink" else beside(path, "-wal")).unlink()
    view = View("yard", (10, 20), (0, 0), (10, 20))
    assert "while in use" in message_of(lambda: guard.admit(round_of(view), {"a": [0]}))


def test_a_lost_wal_is_noticed(tmp_path):
    """A killed edge leaves its entries in the -wal file until the next one reads it."""
    path, copy = tmp_path / "l.db", tmp_path / "copy.db"
    ledger = filled(path)
    for suffix in ("", "-count"):
        shutil.copy(beside(path, suffix), beside(copy, suffix))
    assert "has 0 entries of the 4" in message_of(lambda: Ledger(copy))
    shutil.copy(beside(path, "-wal"), beside(copy, "-wal"))
    assert Ledger(copy).last() == 4
    ledger.close()


def test_an_older_copy_and_a_foreign_ledger_are_refused(tmp_path):
    path, old = tmp_path / "l.db", tmp_path / "old.db"
    filled(path).close()
    shutil.copy(path, old)
    ledger = Ledger(path)
    with ledger.transaction():
        ledger.enter([send("c")])
    ledger.close()
    shutil.copy(old, path)
    assert "has 4 entries of the 5" in message_of(lambda: Ledger(path))
    filled(tmp_path / "other.db").close()
    shutil.copy(tmp_path / "other.db", path)
    beside(path, "-count").write_text("0 1\n")
    assert "is another file" in message_of(lambda: Ledger(path))


def test_a_counter_that_is_damaged_is_refused_and_a_lost_one_made_anew(tmp_path, caplog):
    path = tmp_path / "l.db"
    filled(path).close()
    count = beside(path, "-count")
    kept = count.read_text()
    for harm in ("", "nonsense", "a b c", kept[:5]):
        count.write_text(harm)
        assert "is damaged" in message_of(lambda: Ledger(path))
    count.unlink()
    assert Ledger(path).last() == 4
    assert count.read_text() == kept
    assert "made anew" in caplog.text


def test_what_never_left_is_not_missed(tmp_path):
    """Killed after the commit, before the count: the ledger has more, which is fine."""
    path = tmp_path / "l.db"
    ledger = filled(path)
    count = beside(path, "-count").read_text()
    with ledger.transaction():
        ledger.enter([send("c")])
    beside(path, "-count").write_text(count)
    assert Ledger(path).last() == 5


def test_a_ledger_of_version_1_is_taken_up(tmp_path):
    path = tmp_path / "l.db"
    old = sqlite3.connect(path, isolation_level=None)
    for statement in SCHEMA.split(";"):
        old.execute(statement)
    old.execute(f"PRAGMA application_id = {APPLICATION}")
    old.execute("PRAGMA user_version = 1")
    old.execute("INSERT INTO scenes VALUES ('yard', 10, 20)")
    row = "('s', 'yard', 0, 0, 'a', 0, 0, 0, 4, 5)"
    old.execute(
        f"INSERT INTO sends (session, scene, frame, stage, server, window, y0, x0, y1, x1) "
        f"VALUES {row}"
    )
    old.close()
    ledger = Ledger(path)
    assert ledger.coverage("yard").of("a").sum() == 20
    assert len(ledger.policy_key(lambda: b"k" * 32)) == 32
    assert Ledger(path).last() == 1


def test_only_its_owner_may_read_a_new_ledger(tmp_path):
    Ledger(tmp_path / "l.db")
    assert (tmp_path / "l.db").stat().st_mode & 0o777 == 0o600


def admit_all(path, number: int) -> None:
    guard = Guard(Ledger(path), Caps(per_server=0.5, coalition=(2, 0.7)))
    view = View("yard", (SIDE, SIDE), (0, 0), (SIDE, SIDE))
    for window in np.random.default_rng(number).permutation(9):
        guard.admit(round_of(view), {f"s{(number + window) % 3}": [int(window)]})


def test_four_edges_keep_the_caps_on_one_ledger(tmp_path):
    path = tmp_path / "l.db"
    edges = [get_context("fork").Process(target=admit_all, args=(path, n)) for n in range(4)]
    for edge in edges:
        edge.start()
    for edge in edges:
        edge.join()
    assert [edge.exitcode for edge in edges] == [0] * 4
    ledger = Ledger(path)
    coverage = ledger.coverage("yard")
    assert max(seen.mean() for seen in coverage.seen.values()) <= 0.5
    assert 0.5 < coverage.worst(2)[1] <= 0.7
    assert f" {ledger.last():020d}" in beside(path, "-count").read_text()


def test_the_key_of_policies_may_be_asked_for_while_another_thread_enters(tmp_path):
    ledger = Ledger(tmp_path / "l.db")
    with ThreadPoolExecutor(1) as pool:
        with ledger.transaction():
            asked = pool.submit(ledger.policy_key, lambda: b"key")
            ledger.open_scene("yard", (10, 20))
            with pytest.raises(TimeoutError):
                asked.result(timeout=0.2)
        assert asked.result(timeout=20) == b"key"
    assert ledger.scenes() == {"yard": (10, 20)}
