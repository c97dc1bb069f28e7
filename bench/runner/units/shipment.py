"""What the driver of a run sends to workers that lack its files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from attacks.threat_models.base import IN_DOMAIN
from bench.attackers.fitting import FOLDER as ATTACKERS
from bench.cache import shipping
from bench.cache.photos import UNREADABLE, Photos
from bench.metrics.trunks.alexnet import trunk_path
from bench.runner.context import Context, Task
from bench.runner.defences import trained_defences
from bench.runner.units.worker import Recipe
from bench.spec.cells import BARE, AttackCell, Pipeline
from framework.errors import PedbenchError
from framework.files.cache import cache_dir


class Shipment:
    """Files of a run by the names that workers ask for, see `bench.cache.shipping`.

    Args:
        context: of the driver.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        config = context.config
        self.photos: dict[str, tuple[Photos, str]] = {}
        self.lists: dict[str, bytes] = {}
        self.files: dict[str, Path] = {}
        scored = self._list(context.scored, context.scored.ids[: config.limit])
        self.public = [self._list(each, each.ids) for each in context.public]
        self.outside = [self._list(each, each.ids) for each in context.outside]
        self.names = (scored, *self.public, *self.outside)
        trunk = trunk_path()
        self.trunk = [str(trunk.relative_to(cache_dir()))] if trunk.exists() else []
        self.weights = tuple(
            self._weights(path) for path in (config.checkpoint, config.adapted_checkpoint)
        )

    def recipe(self, recipe: Recipe) -> Recipe:
        """``recipe`` for a worker elsewhere, which has neither the data nor the store here."""
        own, adapted = self.weights
        return replace(recipe, store=None, lists=self.names, weights=(own, adapted))

    def needs(self, unit: Task | AttackCell) -> list[str]:
        """The names of all files that a unit takes."""
        names = [*self.names, *filter(None, self.weights)]
        if isinstance(unit, AttackCell):
            return names + self._public_photos(unit) + self._defences([unit.pipeline])
        names += [*self.trunk, *self._photos_of(self.context.scored, [unit.image_id])]
        names += self._defences(cell.pipeline for cell in unit.cells)
        for cell in unit.cells:
            if isinstance(cell, AttackCell):
                names += self._of_cell(cell)
        return list(dict.fromkeys(names))

    def content(self, name: str) -> bytes:
        """The file of this name.

        Raises:
            PedbenchError: it has gone, or the photo cannot be read any more.
        """
        if name in self.photos:
            photos, image_id = self.photos[name]
            return shipping.pack_photo(photos.load(image_id))
        if name in self.lists:
            return self.lists[name]
        try:
            return self.files.get(name, shipping.place(name)).read_bytes()
        except OSError as error:
            raise PedbenchError(f"{name} is gone from the cache: run again") from error

    def contents(self, names: Iterable[str]) -> dict[str, bytes]:
        """Files of these names; an attacker that has gone is left out, and is fitted again.

        Raises:
            PedbenchError: as `content` does.
        """
        there = [name for name in names if not _is_lost(name)]
        return {name: self.content(name) for name in there}

    def _of_cell(self, cell: AttackCell) -> list[str]:
        names: list[str] = []
        if cell.recognise:
            scored = self.context.scored
            names += self._photos_of(scored, scored.ids[: self.context.config.limit])
        if cell.attack in BARE:
            return names
        file = self.context.attackers.file_of(cell)
        if file is not None and file.exists():
            return [*names, f"{file.parent.name}/{file.name}"]
        if self.context.attackers.ships(cell):
            return names
        return names + self._public_photos(cell)

    def _defences(self, pipelines: Iterable[Pipeline]) -> list[str]:
        """Weights of trained defences, as they lie in the cache."""
        found = trained_defences(pipelines, self.context.models)
        return [str(each.path.relative_to(cache_dir())) for each in found]

    def _public_photos(self, cell: AttackCell) -> list[str]:
        """An attacker that is neither in the cache nor shipped is fitted to these."""
        context = self.context
        sets = context.public if cell.threat.public == IN_DOMAIN else context.outside
        return [name for each in sets for name in self._photos_of(each, each.ids)]

    def _list(self, photos: Photos, ids: Sequence[str]) -> str:
        content = shipping.pack_list(photos, ids)
        name = f"{shipping.FOLDER}/{hashlib.sha256(content).hexdigest()}.json"
        self.lists[name] = content
        return name

    def _photos_of(self, photos: Photos, ids: Sequence[str]) -> list[str]:
        digests = {image_id: photos.digest(image_id) for image_id in ids}
        names = {
            shipping.photo_name(digest): image_id
            for image_id, digest in digests.items()
            if digest != UNREADABLE
        }
        self.photos |= {name: (photos, image_id) for name, image_id in names.items()}
        return list(names)

    def _weights(self, path: str | None) -> str | None:
        if path is None or not Path(path).is_file():
            return None
        name = shipping.weights_name(Path(path))
        self.files[name] = Path(path)
        return name


def _is_lost(name: str) -> bool:
    """Whether a file is an attacker's and no longer in the cache."""
    return name.startswith(f"{ATTACKERS}/") and not shipping.place(name).exists()
