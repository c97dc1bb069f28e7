"""The ledger survives, is shared, and takes no other file for one of its own."""

from __future__ import annotations

import sqlite3

from framework import PedbenchError
from framework.exposure import Ledger
from framework.exposure.ledger import Send
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
