"""Finished units, kept from run to run: a cell whose inputs and code are the same is not repeated.

A unit is one cell on one image. Its key covers everything that decides its records: the image with
its masks, weights, settings of the cell, public data, source of the framework, of the attack and of
the metrics, versions of what they rest on, and the device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from attacks.base import ATTACKS
from bench.config import RunConfig
from bench.datasets import Dataset, Sample, SampleError
from bench.encodings import pipeline_sources
from bench.fingerprints import content_digest, part_fingerprint, source_fingerprint, versions
from bench.metrics import METRICS
from bench.metrics.trunk import trunk_path
from bench.pictures import companions
from bench.recognition import RECOGNISERS
from bench.records import CELL, FAILED, UNSUPPORTED, Record
from bench.scenario import BARE, EXPOSURE, IN_DOMAIN, Cell, Pipeline, Watch, cell_id
from bench.store import Store
from framework.files import write_file
from framework.models.download import sha256_of

HERE = ("benchmark_version", "commit", "device")
"""Provenance that a record brings along from where it was made."""

COVERED = frozenset(
    {"preset", "model", "checkpoint", "adapted_checkpoint", "data", "images", "annotations"}
    | {"public", "outside", "seeds", "groups", "limit", "pictures", "save_images", "remote"}
)
"""Settings of a run that do not change a unit, or that its key covers in another form."""


@dataclass(frozen=True)
class Unit:
    """A finished cell of an image with its records."""

    cell: Cell
    records: list[Record]


class Kept:
    """The finished units in a store.

    Args:
        store: where they lie.
        config: the run.
        folder: its folder, for pictures.
        facts: its `environment.json`.
        scored: its data set.
    """

    def __init__(
        self,
        store: Store,
        config: RunConfig,
        folder: Path,
        facts: Mapping[str, Any],
        scored: Dataset,
    ) -> None:
        self.store = store
        self.config = config
        self.folder = folder
        self.facts = facts
        self.scored = scored
        self._content = lru_cache(maxsize=None)(self._load)
        self._shared = lru_cache(maxsize=None)(self._shared_inputs)

    def take(self, image_id: str, cells: Sequence[Cell]) -> Iterator[Unit]:
        """Those of ``cells``, all of one pipeline, that are kept with all that is asked of them."""
        shelf = self._shelf(image_id, cells[0].pipeline)
        known = (self.store.get(shelf) or {}).get("units", {}) if shelf else {}
        for cell in cells:
            unit = known.get(self._unit_key(cell)) if known else None
            if unit is None or not self._restore_pictures(cell, unit):
                continue
            yield Unit(cell, [self._taken(record, unit) for record in unit["records"]])

    def put(self, image_id: str, cells: Sequence[Cell], records: Sequence[Record]) -> None:
        """Keep finished ``cells`` of one pipeline, except those where something failed."""
        by_cell: dict[str, list[Record]] = {cell_id(cell): [] for cell in cells}
        for record in records:
            by_cell.get(record.get(CELL, ""), []).append(record)
        units = {
            self._unit_key(cell): self._unit(cell, by_cell[cell_id(cell)])
            for cell in cells
            if _sound(by_cell[cell_id(cell)])
        }
        shelf = self._shelf(image_id, cells[0].pipeline)
        if shelf and units:
            known = (self.store.get(shelf) or {}).get("units", {})
            self.store.put(shelf, {"units": known | units})

    def _unit(self, cell: Cell, records: Sequence[Record]) -> dict[str, Any]:
        pictures = {r["image_file"] for r in records if r.get("image_file")}
        files = {file for picture in pictures for file in companions(self.folder, picture)}
        return {
            "records": list(records),
            "made": {name: self.facts[name] for name in HERE},
            "pictured": self._wants_picture(cell),
            "files": {
                str(path.relative_to(self.folder)): self.store.put_blob(path.read_bytes())
                for path in sorted(files)
            },
        }

    def _taken(self, record: Record, unit: Mapping[str, Any]) -> Record:
        return {**unit["made"], **record, "from_store": True}

    def _restore_pictures(self, cell: Cell, unit: dict[str, Any]) -> bool:
        """Put the pictures where the run wants them; False if they are not to be had."""
        if not self._wants_picture(cell):
            unit["records"] = [{**record, "image_file": None} for record in unit["records"]]
            return True
        found = {name: self.store.blob(digest) for name, digest in unit["files"].items()}
        if not unit["pictured"] or any(blob is None for blob in found.values()):
            return False
        for name, blob in found.items():
            if blob is not None:
                write_file(self.folder / name, bytes(blob))
        return True

    def _wants_picture(self, cell: Cell) -> bool:
        if isinstance(cell, Watch):
            return cell.attack != EXPOSURE and self.config.wants_picture(cell)
        return self.config.wants_masks(cell.pipeline)

    def _shelf(self, image_id: str, pipeline: Pipeline) -> str | None:
        """Key of the entry that holds the units of one pipeline on one image; None if unreadable.

        It covers what the units of a pipeline share.
        """
        content = self._content(image_id)
        if content is None:
            return None
        return content_digest("units", content, self._shared(pipeline))

    def _load(self, image_id: str) -> str | None:
        try:
            sample: Sample = self.scored.load(image_id)
        except SampleError:
            return None
        return content_digest(sample)

    def _shared_inputs(self, pipeline: Pipeline) -> list[Any]:
        config = self.config
        others = {f.name: getattr(config, f.name) for f in fields(config) if f.name not in COVERED}
        return [
            asdict(pipeline),
            config.model,
            [self.facts[name] for name in ("weights", "device")],
            self.facts["adapted_weights"] if pipeline.adapted else "",
            others,
            source_fingerprint("bench.imagework"),
            pipeline_sources(pipeline),
            [part_fingerprint(metric, METRICS.package) for _, metric in METRICS.items()],
            sha256_of(trunk_path()) if trunk_path().exists() else "no trunk",
            versions(),
        ]

    def _unit_key(self, cell: Cell) -> str:
        """What a unit depends on beyond its shelf."""
        parts: list[Any] = [cell_id(cell)]
        if isinstance(cell, Watch):
            largest = self.config.largest_partial.get((cell.pipeline, cell.choice), 0)
            parts += [largest, self.config.seeds[:1] if cell.choice == "seeded" else ()]
            if cell.attack not in BARE:
                photos = "public" if cell.public == IN_DOMAIN else "outside"
                source = part_fingerprint(ATTACKS.get(cell.attack), ATTACKS.package)
                parts += [self.facts[photos], source]
                parts += [] if cell.can_query else [self.facts["substitutes"]]
            if cell.recognise:
                judge = RECOGNISERS.get(cell.recognise)
                gallery = self.facts["dataset_fingerprint"], self.config.limit
                parts += [part_fingerprint(judge, RECOGNISERS.package), gallery]
        return content_digest(*parts)


def _sound(records: Sequence[Record]) -> bool:
    """Whether records would come out the same again.

    Nothing failed, and no metric was missing that may be there the next time; whether LPIPS is
    there is part of the key.
    """
    may_change = [r for r in records if r["status"] == UNSUPPORTED and r.get("metric")]
    failed = any(record["status"] == FAILED for record in records)
    return bool(records) and not failed and all(r["metric"] == "lpips" for r in may_change)
