"""The book of everything that left the edge: an SQLite file that only grows."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from framework.errors import PedbenchError, one_line, unknown_name
from framework.exposure.counter import Counter
from framework.exposure.coverage import Coverage
from framework.exposure.scene import Box

log = logging.getLogger(__name__)

MEMORY = ":memory:"

APPLICATION, VERSION = 0x50454442, 2
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

ADDED = """
ALTER TABLE scenes ADD COLUMN look TEXT;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO facts VALUES ('identity', lower(hex(randomblob(8))));
"""
"""What version 2 has beyond version 1: perceptual hashes, an identity, the key of policies."""


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

    A counter beside the file (`Counter`) holds how many entries there are. A ledger that lost some,
    was cut, deleted or replaced, before or while it is used, is refused.

    Args:
        path: the file, made if it is not there; ``:memory:`` lasts as long as the object.
        create: whether it may be made.

    Raises:
        PedbenchError: the file is missing, or is no ledger, or lost entries.
    """

    def __init__(self, path: str | Path = ":memory:", *, create: bool = True) -> None:
        self.path = str(path)
        self.counter = None if self.path == MEMORY else Counter(self.path)
        self._files: list[tuple[int, int]] = []
        self._alone = threading.RLock()
        with self._errors():
            if self.counter is not None:
                self._find(create)
            self.db = _connect(self.path)
            try:
                self._open()
            except BaseException:
                self.db.close()
                raise

    def _open(self) -> None:
        if self.counter is None:
            _set_up(self.db)
        self.version = self._check_version()
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            self._upgrade()
        self._files = self._identify()

    def _find(self, create: bool) -> None:
        """Make the file if it may be made; refuse one that was there and is gone."""
        path = Path(self.path)
        counted = self.counter.read() if self.counter else None
        if path.is_file() and path.stat().st_size == 0:
            raise PedbenchError(
                f"ledger {path} is empty, so what it held is lost: restore it, or delete it and "
                f"{path}-count to start anew"
            )
        if path.exists():
            return
        if counted is not None and counted[1]:
            raise PedbenchError(
                f"ledger {path} is gone and had {counted[1]} entries: restore it, or delete "
                f"{path}-count to start anew"
            )
        if not create:
            raise PedbenchError(f"ledger {path} does not exist: give the file that --ledger named")
        _make(path)

    def _check_version(self) -> int:
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION or version not in (1, VERSION):
            raise PedbenchError(f"{self.path} is not a ledger of this version: give another file")
        return int(version)

    def _upgrade(self) -> None:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version == 1:
            _run(self.db, ADDED)
            self.db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within is entered at once and on the disk at its end, or not at all.

        No other thread or process can enter anything meanwhile.

        Raises:
            PedbenchError: the file cannot be written, and nothing was entered; or the ledger lost
                entries.
        """
        with self._alone, self._errors():
            with self._locked():
                self._check_files()
                self._check_count()
                yield
                self.db.execute("COMMIT")
            if self.counter is not None:
                with self._locked():
                    self._check_files()
                    self._note_count(self.counter)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise PedbenchError(
                f"ledger {self.path} cannot be used ({one_line(error)}): "
                "nothing leaves without it; give a file that can be written"
            ) from error

    def _identify(self) -> list[tuple[int, int]]:
        """Device and inode of the files that this object writes to."""
        if self.counter is None:
            return []
        found = [os.stat(self.path), os.stat(f"{self.path}-wal")]
        if found[0].st_size == 0:
            raise FileNotFoundError("it was cut to 0 bytes")
        return [(file.st_dev, file.st_ino) for file in found]

    def _check_files(self) -> None:
        """Refuse to go on in files that were deleted or replaced under this object."""
        if not self._files:
            return
        try:
            same = self._identify() == self._files
        except FileNotFoundError:
            same = False
        if not same:
            raise PedbenchError(
                f"ledger {self.path} or its -wal file was deleted, cut or replaced while in use: "
                "nothing leaves without it; restore it and start again"
            )

    def _check_count(self) -> None:
        """Refuse a ledger that has fewer entries than were counted."""
        counted = self.counter.read() if self.counter else None
        if counted is None:
            return
        last = self.last()
        if counted[1] > last or counted[0] != self._fact("identity"):
            raise PedbenchError(
                f"ledger {self.path} has {last} entries of the {counted[1]} that were counted, or "
                "is another file: it was cut or replaced, or lost its -wal file; restore it, or "
                f"delete {self.path}-count to go on with what is left"
            )

    def _note_count(self, counter: Counter) -> None:
        """Count what is on the disk, after it is there and before anything leaves."""
        identity, last, counted = self._fact("identity"), self.last(), counter.read()
        if counted is None and last and self.version == VERSION:
            log.warning("warning: %s was missing and is made anew", counter.path)
        if counted != (identity, last):
            counter.write(str(identity), last)

    def _fact(self, name: str) -> str | None:
        (known,) = self.db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'facts'")
        if not known[0]:
            return None
        row = self.db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def policy_key(self, offered: Callable[[], bytes], *, insist: bool = False) -> bytes:
        """The secret key of policies, the same for all edges that share the ledger.

        Args:
            offered: gives the key to take up where the ledger has none yet.
            insist: refuse a ledger that has another.

        Raises:
            PedbenchError: the ledger has another key, or cannot be written.
        """
        with self._alone, self._errors():
            key = self._fact("policy_key")
            if key is None:
                with self.transaction():
                    row = ("policy_key", offered().hex())
                    self.db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", row)
                key = self._fact("policy_key")
        kept = bytes.fromhex(str(key))
        if insist and kept != offered():
            raise PedbenchError(
                f"ledger {self.path} was begun with another policy key: photos would go to other "
                "servers than before; give that key, or leave --policy-key out"
            )
        return kept

    def enter(self, sends: Iterable[Send]) -> None:
        """Append sends, before they leave; the scene was opened before."""
        rows = [(s.session, s.scene, s.frame, s.stage, s.server, s.window, *s.box) for s in sends]
        self.db.executemany(
            "INSERT INTO sends (session, scene, frame, stage, server, window, y0, x0, y1, x1) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def open_scene(self, name: str, size: tuple[int, int], look: int | None = None) -> None:
        """Make a scene known.

        Args:
            look: its perceptual hash, kept where none is yet.

        Raises:
            PedbenchError: it is known with another size.
        """
        self.db.execute(
            "INSERT OR IGNORE INTO scenes (name, height, width) VALUES (?, ?, ?)", (name, *size)
        )
        known = self.size_of(name)
        if known != size:
            raise PedbenchError(
                f"scene '{name}' is {known[1]}x{known[0]} pixels in the ledger, not "
                f"{size[1]}x{size[0]}: give the scene another name"
            )
        if look is not None:
            query = "UPDATE scenes SET look = ? WHERE name = ? AND look IS NULL"
            self.db.execute(query, (f"{look:016x}", name))

    def looks(self) -> dict[str, int]:
        """Perceptual hashes of the scenes that have one, by name, oldest first."""
        rows = self.db.execute("SELECT name, look FROM scenes WHERE look NOTNULL ORDER BY rowid")
        return {name: int(look, 16) for name, look in rows}

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

    def before(self, scene: str, frames: int, picture: tuple[str, int] | None) -> int:
        """The entry after which the last ``frames`` pictures of a scene begin.

        Args:
            picture: session and number of the latest one, whether entered yet or not; one that is
                still to come when None.
        """
        rows = self.db.execute(
            "SELECT session, frame, min(id) AS first FROM sends WHERE scene = ? "
            "GROUP BY session, frame ORDER BY first DESC",
            (scene,),
        ).fetchall()
        others = [first for session, frame, first in rows if (session, frame) != picture]
        own = [first for session, frame, first in rows if (session, frame) == picture]
        counted = others[: frames - 1] + own
        return min(counted) - 1 if counted else self.last()

    def coverage(self, scene: str, after: int = 0) -> Coverage:
        """What every server has seen of a scene after entry ``after``."""
        coverage = Coverage(self.size_of(scene))
        for server, box in self.seen(scene, after):
            coverage.add(server, box)
        return coverage

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)


def _run(db: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        db.execute(statement)


def _set_up(db: sqlite3.Connection) -> None:
    pragmas = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}"
    _run(db, f"BEGIN; {SCHEMA} {ADDED} {pragmas}; COMMIT")


def _make(path: Path) -> None:
    """A new ledger, in its place as a whole: a process that is killed leaves no empty file."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        db = _connect(str(draft))
        os.chmod(draft, 0o600)
        _set_up(db)
        db.close()
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
