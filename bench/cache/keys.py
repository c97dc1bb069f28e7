"""Keys: digests of all that finished units depend on.

A unit is one cell on one image. Its key covers everything that decides its records: the photo with
its masks, weights, settings of the cell and of the run, content of public data, source of the
framework, of every part and of the metrics, and versions of what they rest on.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from attacks.base import ATTACKS
from attacks.threat_models.base import IN_DOMAIN
from bench.attackers.fitting import Attackers
from bench.cache.encodings import pipeline_sources
from bench.cache.fingerprints import (
    code_of,
    content_digest,
    part_fingerprint,
    source_fingerprint,
    versions,
)
from bench.cache.photos import Photos
from bench.metrics import METRICS, used_metrics
from bench.metrics.segmentation import SEGMENTATION_METRICS
from bench.metrics.trunks.alexnet import trunk_path
from bench.recognition import RECOGNISERS
from bench.runner.folder.provenance import weights_label
from bench.runner.models import NotAdapted
from bench.spec.cells import BARE, AttackCell, Cell, Pipeline, SegmentationCell
from bench.spec.config import RunConfig
from framework.files.download import sha256_of
from framework.split.defences import DEFENCES
from framework.split.defences.noise.base import AdditiveNoise

COVERED = frozenset(
    {"preset", "model", "checkpoint", "adapted_checkpoint", "data", "images", "annotations"}
    | {
        "metrics",
        "public",
        "outside",
        "seeds",
        "groups",
        "limit",
        "pictures",
        "save_images",
        "keep_reconstructions",
        "remote",
    }
)
"""Settings of a run that do not change a unit, or that its key covers in another form."""

SHORT = 12
"""Characters of a digest that is only compared with an earlier one of the same name."""


class Keys:
    """The keys of a run's units.

    Args:
        config: the run.
        scored: its photos.
        attackers: its attackers.
    """

    def __init__(self, config: RunConfig, scored: Photos, attackers: Attackers) -> None:
        self.config = config
        self.scored = scored
        self.attackers = attackers
        self.content = scored.digest
        self.cell_key = lru_cache(maxsize=None)(self._cell_key)
        self._pipeline_key = lru_cache(maxsize=None)(self._key_of_pipeline)
        self._shared = lru_cache(maxsize=None)(self._shared_inputs)
        self._own = lru_cache(maxsize=None)(self._cell_inputs)
        self._digest = lru_cache(maxsize=None)(_file_digest)
        self._gallery = lru_cache(maxsize=None)(self._gallery_content)

    def of(self, cell: Cell, image_id: str) -> str:
        """The key of one cell on one image.

        Raises:
            PedbenchError: the cell needs a part that is not installed.
        """
        return content_digest(self.image_key(image_id, cell.pipeline), self.cell_key(cell))

    def image_key(self, image_id: str, pipeline: Pipeline) -> str:
        """What all units of one pipeline on one image depend on."""
        return content_digest(self.content(image_id), self._pipeline_key(pipeline))

    def inputs(self, cell: Cell, image_id: str) -> dict[str, str]:
        """All that a unit depends on: a short digest of each, by the name that users know it by.

        Raises:
            PedbenchError: as `of` does.
        """
        found = {"the photo": self.content(image_id)}
        found |= self._shared(cell.pipeline) | self._own(cell)
        return {name: digest[:SHORT] for name, digest in found.items()}

    def _cell_key(self, cell: Cell) -> str:
        return content_digest(self._own(cell))

    def _key_of_pipeline(self, pipeline: Pipeline) -> str:
        return content_digest(self._shared(pipeline))

    def _shared_inputs(self, pipeline: Pipeline) -> dict[str, str]:
        config, models = self.config, self.attackers.models
        try:
            sam = models.get(pipeline.adapted)
        except NotAdapted:
            sam = models.sam
        adapted = models.adapted_label() if pipeline.adapted else ""
        settings = {
            f.name: getattr(config, f.name) for f in fields(config) if f.name not in COVERED
        }
        trunk = sha256_of(trunk_path()) if trunk_path().exists() else "no trunk"
        found = {
            "settings": [asdict(pipeline), config.model, settings, config.remote is not None],
            "weights": [weights_label(models.sam), adapted],
            "code of the benchmark": source_fingerprint("bench.runner.evaluation.evaluate"),
            "weights of LPIPS": trunk,
            "installed packages": versions(),
            "encoder": part_fingerprint(models.sam.encoder_class),
            **pipeline_sources(pipeline, sam),
            **code_of(METRICS, used_metrics(config.metrics)),
            **code_of(SEGMENTATION_METRICS, SEGMENTATION_METRICS.names()),
        }
        files = [each.user_files() for each in used_metrics(config.metrics).values()]
        if any(files):
            found["files of metrics"] = [_file_digest(file) for some in files for file in some]
        return {name: content_digest(value) for name, value in found.items()}

    def _cell_inputs(self, cell: Cell) -> dict[str, str]:
        """What a unit depends on beyond its photo and pipeline."""
        found: dict[str, Any] = {"cell": cell.id}
        defence = DEFENCES.get(cell.pipeline.defence)
        if isinstance(cell, SegmentationCell) and issubclass(defence, AdditiveNoise):
            found["public photos of the bounds"] = self.attackers.photos.content(IN_DOMAIN)
        if isinstance(cell, AttackCell):
            most = self.config.largest_partial.get((cell.pipeline, cell.threat.choice), 0)
            found["largest coalition"] = most if cell.threat.coalition <= most else 0
            found["first seed"] = self.config.seeds[:1] if cell.threat.choice == "seeded" else ()
            if cell.attack not in BARE:
                found |= code_of(ATTACKS, [cell.attack])
                if files := ATTACKS.get(cell.attack).user_files():
                    found["files of the attack"] = [self._digest(file) for file in files]
                found["public photos"] = self.attackers.photos.content(cell.threat.public)
                if not cell.threat.can_query:
                    label = self.attackers.models.substitute_label(cell.pipeline.adapted)
                    found["substitute model"] = label
            if cell.recognise:
                found |= code_of(RECOGNISERS, [cell.recognise])
                found["photos of the gallery"] = self._gallery()
        return {name: content_digest(value) for name, value in found.items()}

    def _gallery_content(self) -> str:
        """The faces that a recogniser compares with: those of all scored photos."""
        return content_digest([self.content(name) for name in self.scored.ids[: self.config.limit]])


def _file_digest(file: Path) -> str:
    """The hash of a user's file; the part that wants it says so where it is missing."""
    return sha256_of(file) if file.is_file() else "missing"
