"""Finished units, kept from run to run: a cell whose inputs and code are the same is not repeated.

A unit is one cell on one image. Beside its key, see `bench.cache.keys`, the device decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.cache.fingerprints import content_digest
from bench.cache.keys import Keys
from bench.cache.photos import UNREADABLE
from bench.cache.store import Store
from bench.runner.evaluation.pictures import companions
from bench.runner.folder.records import CELL, FAILED, UNSUPPORTED, Record
from bench.spec.cells import Cell, Pipeline
from bench.spec.config import RunConfig
from framework.files.writing import write_file

HERE = ("benchmark_version", "commit", "device")
"""Provenance that a record brings along from where it was made."""
TAKEN = {"from_store": True}


@dataclass(frozen=True)
class Found:
    """A finished cell of an image with its records."""

    cell: Cell
    records: list[Record]


class CachedResults:
    """The finished units in a store.

    Args:
        store: where they lie.
        config: the run.
        folder: its folder, for pictures.
        facts: its `environment.json`.
        keys: of its units.
    """

    def __init__(
        self,
        store: Store,
        config: RunConfig,
        folder: Path,
        facts: Mapping[str, Any],
        keys: Keys,
    ) -> None:
        self.store = store
        self.config = config
        self.folder = folder
        self.facts = facts
        self.keys = keys
        self._placed: dict[str, str] = {}
        self._has_blob = cache(lambda digest: store.blob(digest) is not None)

    def take(self, image_id: str, cells: Sequence[Cell]) -> Iterator[Found]:
        """Those of ``cells``, all of one pipeline, that are cached with all they need."""
        for cell, unit in self._cached(image_id, cells):
            if self.config.pictured(cell) and not self._place(unit["files"]):
                continue
            records = unit["records"]
            if not self.config.pictured(cell):
                records = [{**record, "image_file": None} for record in records]
            yield Found(cell, [unit["made"] | record | TAKEN for record in records])

    def has(self, image_id: str, cells: Sequence[Cell]) -> list[Cell]:
        """The cells that `take` would give."""
        return [cell for cell, *_ in self._cached(image_id, cells)]

    def put(self, image_id: str, cells: Sequence[Cell], records: Sequence[Record]) -> None:
        """Keep finished ``cells`` of one pipeline, except those where something failed."""
        by_cell: dict[str, list[Record]] = {cell.id: [] for cell in cells}
        for record in records:
            by_cell.get(record.get(CELL, ""), []).append(record)
        units = {
            self.keys.cell_key(cell): self._unit(cell, by_cell[cell.id])
            for cell in cells
            if _sound(by_cell[cell.id])
        }
        entry = self._entry(image_id, cells[0].pipeline)
        if entry and units:
            known = (self.store.get(entry) or {}).get("units", {})
            self.store.put(entry, {"units": known | units})

    def _unit(self, cell: Cell, records: Sequence[Record]) -> dict[str, Any]:
        pictures = {r["image_file"] for r in records if r.get("image_file")}
        files = {file for picture in pictures for file in companions(self.folder, picture)}
        return {
            "records": list(records),
            "made": {name: self.facts[name] for name in HERE},
            "pictured": self.config.pictured(cell),
            "files": {
                str(path.relative_to(self.folder)): self.store.put_blob(path.read_bytes())
                for path in sorted(files)
            },
        }

    def _cached(
        self, image_id: str, cells: Sequence[Cell]
    ) -> Iterator[tuple[Cell, Mapping[str, Any]]]:
        """Cells that are cached with the pictures that the run wants, each as it was kept."""
        entry = self._entry(image_id, cells[0].pipeline)
        known = (self.store.get(entry) or {}).get("units", {}) if entry else {}
        for cell in cells:
            unit = known.get(self.keys.cell_key(cell)) if known else None
            if unit is not None and self._has_pictures(cell, unit):
                yield cell, unit

    def _has_pictures(self, cell: Cell, unit: Mapping[str, Any]) -> bool:
        if not self.config.pictured(cell):
            return True
        return unit["pictured"] and all(map(self._has_blob, unit["files"].values()))

    def _place(self, files: Mapping[str, str]) -> bool:
        """Put pictures in the run folder; many units share some, which are written once.

        Returns:
            Whether all are there: another run on this store may have deleted one just now.
        """
        for name, digest in files.items():
            if self._placed.get(name) != digest:
                picture = self.store.blob(digest)
                if picture is None:
                    return False
                write_file(self.folder / name, bytes(picture))
                self._placed[name] = digest
        return True

    def _entry(self, image_id: str, pipeline: Pipeline) -> str | None:
        """Key of the entry with the units of one pipeline on one image; None if unreadable."""
        if self.keys.content(image_id) == UNREADABLE:
            return None
        return content_digest(
            "units", self.keys.image_key(image_id, pipeline), self.facts["device"]
        )


def _sound(records: Sequence[Record]) -> bool:
    """Whether records would come out the same again.

    Nothing failed, and no metric was missing that may be there the next time; whether LPIPS is
    there is part of the key.
    """
    may_change = [r for r in records if r["status"] == UNSUPPORTED and r.get("metric")]
    failed = any(record["status"] == FAILED for record in records)
    return bool(records) and not failed and all(r["metric"] == "lpips" for r in may_change)
