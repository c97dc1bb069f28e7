"""The book of everything that left the edge: an SQLite file that only grows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from framework.errors import PedbenchError, one_line, unknown_name
from framework.exposure.coverage import Coverage
from framework.exposure.scene import Box

APPLICATION, VERSION = 0x50454442, 1
"""Written into the file, so that no other database is taken for a ledger."""

SCHEMA = """
CREATE TABLE scenes (name TEXT PRIMARY KEY, height INTEGER NOT NULL, width INTEGER NOT NULL);
CREATE TABLE sends (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    session TEXT NOT NULL,
    scene TEXT NOT NULL REFERENCES scenes (name),
    frame INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    server TEXT NOT NULL,
    window INTEGER NOT NULL,
    y0 INTEGER NOT NULL, x0 INTEGER NOT NULL, y1 INTEGER NOT NULL, x1 INTEGER NOT NULL
);
CREATE INDEX sends_by_scene ON sends (scene);
"""


@dataclass(frozen=True)
class Send:
    """One window on its way to one server.

    Attributes:
        session: of the edge.
        scene: name of the scene.
        frame: number of the picture in its session.
        stage: the first block that runs on what is sent.
        server: its name.
        window: index in the grid.
        box: the scene pixels it shows, dilated by the resize filter.
    """

    session: str
    scene: str
    frame: int
    stage: int
    server: str
    window: int
    box: Box


class Ledger:
    """What was sent, in a file that survives the edge and that several edges may share.

    Args:
        path: the file, made if it is not there; ``:memory:`` lasts as long as the object.
        create: whether it may be made.

    Raises:
        PedbenchError: the file is missing, or is no ledger.
    """

    def __init__(self, path: str | Path = ":memory:", *, create: bool = True) -> None:
        self.path = str(path)
        if not create and not Path(path).is_file():
            raise PedbenchError(f"ledger {path} does not exist: give the file that --ledger named")
        with self._errors():
            self.db = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False
            )
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = FULL")
            with self.transaction():
                self._prepare()

    def _prepare(self) -> None:
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        (tables,) = self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables == 0:
            for statement in SCHEMA.split(";"):
                self.db.execute(statement)
            self.db.execute(f"PRAGMA application_id = {APPLICATION}")
            self.db.execute(f"PRAGMA user_version = {VERSION}")
        elif (application, version) != (APPLICATION, VERSION):
            raise PedbenchError(f"{self.path} is not a ledger of this version: give another file")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within is entered at once and on the disk at its end, or not at all.

        No other process can enter anything meanwhile.

        Raises:
            PedbenchError: the file cannot be written; nothing was entered.
        """
        with self._errors():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            finally:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise PedbenchError(
                f"ledger {self.path} cannot be used ({one_line(error)}): "
                "nothing leaves without it; give a file that can be written"
            ) from error

    def enter(self, sends: Iterable[Send]) -> None:
        """Append sends, before they leave; the scene was opened before."""
        rows = [(s.session, s.scene, s.frame, s.stage, s.server, s.window, *s.box) for s in sends]
        self.db.executemany(
            "INSERT INTO sends (session, scene, frame, stage, server, window, y0, x0, y1, x1) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def open_scene(self, name: str, size: tuple[int, int]) -> None:
        """Make a scene known.

        Raises:
            PedbenchError: it is known with another size.
        """
        self.db.execute("INSERT OR IGNORE INTO scenes VALUES (?, ?, ?)", (name, *size))
        known = self.size_of(name)
        if known != size:
            raise PedbenchError(
                f"scene '{name}' is {known[1]}x{known[0]} pixels in the ledger, not "
                f"{size[1]}x{size[0]}: give the scene another name"
            )

    def scenes(self) -> dict[str, tuple[int, int]]:
        """Height and width of every scene, by name."""
        rows = self.db.execute("SELECT name, height, width FROM scenes ORDER BY rowid")
        return {name: (height, width) for name, height, width in rows}

    def size_of(self, scene: str) -> tuple[int, int]:
        """Height and width of a scene.

        Raises:
            PedbenchError: nothing of it was sent.
        """
        query = "SELECT height, width FROM scenes WHERE name = ?"
        row = self.db.execute(query, (scene,)).fetchone()
        if row is None:
            raise unknown_name("scene", scene, self.scenes())
        return row

    def last(self) -> int:
        """Number of the latest entry."""
        (last,) = self.db.execute("SELECT coalesce(max(id), 0) FROM sends").fetchone()
        return int(last)

    def seen(self, scene: str, after: int = 0) -> list[tuple[str, Box]]:
        """Server and box of what was entered for a scene after entry ``after``, each once."""
        rows = self.db.execute(
            "SELECT DISTINCT server, y0, x0, y1, x1 FROM sends WHERE scene = ? AND id > ?",
            (scene, after),
        )
        return [(server, (y0, x0, y1, x1)) for server, y0, x0, y1, x1 in rows]

    def counts(self, scene: str) -> dict[str, int]:
        """Windows sent to each server, repeats included."""
        rows = self.db.execute(
            "SELECT server, count(*) FROM sends WHERE scene = ? GROUP BY server", (scene,)
        )
        return dict(rows)

    def frames(self, scene: str) -> int:
        """How many pictures of a scene were sent, in all sessions."""
        query = "SELECT count(*) FROM (SELECT DISTINCT session, frame FROM sends WHERE scene = ?)"
        (count,) = self.db.execute(query, (scene,)).fetchone()
        return int(count)

    def coverage(self, scene: str) -> Coverage:
        """What every server has seen of a scene."""
        coverage = Coverage(self.size_of(scene))
        for server, box in self.seen(scene):
            coverage.add(server, box)
        return coverage

    def close(self) -> None:
        """Close the file."""
        self.db.close()
