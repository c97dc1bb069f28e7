"""What a run does: presets in YAML, changed by the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bench.flags.remote import Remote
from bench.spec.cells import BARE, EXPOSURE, AttackCell, Cell, Pipeline
from bench.spec.checks import at, check_group, check_metrics, check_pictures, check_seeds
from bench.spec.fields import check_fields, check_values, list_fields, read_yaml
from bench.spec.grid import ALL, PIPELINE_FIELDS, Group
from bench.spec.restriction import Only, check_only, keeps
from framework.errors import PedbenchError, unknown_name
from framework.models.build import PRECISIONS
from framework.models.named import architecture

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the records of a run.

    Attributes:
        preset: name of the preset.
        model, checkpoint, precision: as in `build_sam`.
        adapted_checkpoint: weights adapted to `globals_last`, where pipelines ask for them.
        data: data set scored.
        public: data sets that attackers train on.
        outside: data sets that attackers train on whose photos are out of domain.
        seeds: of the attackers.
        groups: what is measured.
        pictures: pipelines whose pictures are kept for the report, as `Pipeline` fields and
            ``coalition``.
        metrics: metrics on demand, scored beside the usual ones.
        limit: number of images scored; all when ``None``.
        save_images: keep the pictures of every cell.
        keep_reconstructions: keep the reconstructions of every cell compactly.
        images, annotations: where a ``coco:`` data set departs from the usual layout.
        only: settings with the values that are kept of them, see `bench.spec.restriction`.
        remote: servers that take the part of this process's own; not kept in ``config.yaml``.
    """

    preset: str
    model: str
    data: str
    public: tuple[str, ...]
    seeds: tuple[int, ...]
    groups: tuple[Group, ...]
    pictures: tuple[Mapping[str, Any], ...] = ()
    checkpoint: str | None = None
    adapted_checkpoint: str | None = None
    metrics: tuple[str, ...] = ()
    limit: int | None = None
    save_images: bool = False
    keep_reconstructions: bool = False
    images: str | None = None
    annotations: str | None = None
    remote: Remote | None = None
    outside: tuple[str, ...] = ()
    precision: str = "float32"
    only: Only = field(default_factory=dict)

    def cells(self) -> list[Cell]:
        """Every cell once, in a stable order."""
        return list(self._expanded)

    @cached_property
    def _expanded(self) -> tuple[Cell, ...]:
        found: dict[str, Cell] = {}
        for cell in self._unrestricted():
            if keeps(self.only, cell):
                found.setdefault(cell.id, cell)
        return tuple(found.values())

    def _unrestricted(self) -> Iterator[Cell]:
        for group in self.groups:
            yield from group.cells(self.seeds)

    @property
    def attacks(self) -> set[str]:
        """The attacks that its cells name, pseudo-attacks left out."""
        return {cell.attack for cell in self.cells() if isinstance(cell, AttackCell)} - set(BARE)

    @cached_property
    def largest_partial(self) -> dict[tuple[Pipeline, str], int]:
        """The largest coalition that misses a shard, by pipeline and choice, where several do."""
        sizes: dict[tuple[Pipeline, str], set[int]] = {}
        for cell in self.cells():
            if isinstance(cell, AttackCell) and cell.threat.coalition < cell.pipeline.n_shards:
                key = cell.pipeline, cell.threat.choice
                sizes.setdefault(key, set()).add(cell.threat.coalition)
        return {key: max(found) for key, found in sizes.items() if len(found) > 1}

    def wants_picture(self, cell: AttackCell) -> bool:
        """Whether the cell's reconstructions are kept."""
        if cell.recognise:
            return False
        return self.save_images or self.keep_reconstructions or self._shown(cell)

    def compactly(self, cell: AttackCell) -> bool:
        """Whether a cell's reconstructions are kept for scoring alone, not for the report."""
        return self.keep_reconstructions and not self.save_images and not self._shown(cell)

    def _shown(self, cell: AttackCell) -> bool:
        """Whether the report shows the cell's reconstructions."""
        usual = cell.threat.stage is None and cell.seed == self.seeds[0] and not cell.variant
        return usual and any(
            all(
                getattr(cell.threat if key == "coalition" else cell.pipeline, key) == value
                for key, value in wanted.items()
            )
            for wanted in self.pictures
        )

    def pictured(self, cell: Cell) -> bool:
        """Whether the cell leaves pictures of any kind in the run folder."""
        if isinstance(cell, AttackCell):
            return cell.attack != EXPOSURE and self.wants_picture(cell)
        return self.wants_masks(cell.pipeline)

    def wants_masks(self, pipeline: Pipeline) -> bool:
        """Whether the masks of a pipeline are drawn for the report."""
        return self.save_images or any(
            all(
                key == "coalition" or getattr(pipeline, key) in (value, None)
                for key, value in wanted.items()
            )
            for wanted in self.pictures
        )

    def check(self) -> None:
        """Refuse what cannot be run, before any work is done.

        Raises:
            PedbenchError: names the first unknown or unusable setting, and its group.
        """
        arch = architecture(self.model)
        if self.precision not in PRECISIONS:
            raise unknown_name("precision", self.precision, PRECISIONS)
        if self.limit is not None and self.limit < 1:
            raise PedbenchError(f"limit {self.limit}: give at least 1")
        check_metrics(self.metrics)
        check_seeds(self.seeds)
        check_pictures(self.pictures)
        if not self.groups:
            raise PedbenchError("groups: [] leaves nothing to run: give at least one")
        for number, group in enumerate(self.groups, 1):
            with at(f"group {number}"):
                check_group(group, arch, self.remote)
        check_only(self.only, self._unrestricted())
        if not self.cells():
            kept = " ".join(f"{name}={','.join(values)}" for name, values in self.only.items())
            raise PedbenchError(f"only {kept} leaves nothing to run: name values that the run has")

    def to_yaml(self) -> str:
        """The text of ``config.yaml``; `read_config` reads it back."""
        plain = dataclasses.asdict(self)
        del plain["remote"]
        return yaml.safe_dump(_plain(plain), sort_keys=False, allow_unicode=True)


def preset_names() -> list[str]:
    """The presets that the project ships."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_preset(name: str) -> RunConfig:
    """A shipped preset, or a YAML file of the same form.

    Raises:
        PedbenchError: no such preset, or the file is not one.
    """
    path = find_preset(name)
    return read_config(path, path.stem)


def find_preset(name: str) -> Path:
    """The file of a shipped preset, or ``name`` itself where it is a YAML file.

    Raises:
        PedbenchError: there is none.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            fault = "is no file" if path.exists() else "does not exist"
            raise PedbenchError(f"configuration {path} {fault}: give a preset or a file")
        return path
    path = PRESETS / f"{name}.yaml"
    if not path.is_file():
        raise unknown_name("preset", name, preset_names())
    return path


def read_config(path: Path, preset: str | None = None) -> RunConfig:
    """Read a preset or a run's ``config.yaml``.

    Raises:
        PedbenchError: the file is not YAML; a key is unknown or missing, or its value of another
            type. File, group and key are named.
    """
    return config_of(read_yaml(path), path, preset)


def config_of(content: Mapping[str, Any], path: Path, preset: str | None = None) -> RunConfig:
    """What ``content``, read from ``path``, asks for; raises as `read_config` does."""
    content = dict(content)
    content.pop("description", None)
    entries = content.pop("groups", None)
    if not isinstance(entries, list):
        raise PedbenchError(f"{path}: key 'groups' is missing or not a list: give at least one")
    groups = [_group(entry, f"{path}: group {n}") for n, entry in enumerate(entries, 1)]
    for name in ("public", "seeds", "pictures", "outside", "metrics"):
        content[name] = _listed(content.get(name))
    content.setdefault("preset", preset or path.stem)
    content["groups"] = tuple(groups)
    check_fields(RunConfig, content, str(path), also=("description",))
    return RunConfig(**content)


def _group(entry: Any, where: str) -> Group:
    """A group from YAML, where grid values stand beside the other fields and may be single."""
    if not isinstance(entry, dict):
        raise PedbenchError(f"{where}: {entry!r} is not a mapping of keys to values")
    entry = dict(entry)
    grid = entry.pop("grid", {})
    if not isinstance(grid, dict):
        raise PedbenchError(f"{where}: grid: {grid!r} is not a mapping of keys to values")
    grid = dict(grid)
    for name in PIPELINE_FIELDS:
        if name in entry:
            grid[name] = entry.pop(name)
    grid = {k: v if isinstance(v, list) else [v] for k, v in grid.items()}
    for name, values in grid.items():
        if name not in PIPELINE_FIELDS:
            raise PedbenchError(f"{where}: {unknown_name('key', str(name), PIPELINE_FIELDS)}")
        if not values:
            raise PedbenchError(f"{where}: {name}: [] leaves nothing to run, give a value")
        for value in values:
            check_values(Pipeline, {name: value}, where)
        grid[name] = list(dict.fromkeys(values))
    if isinstance(entry.get("recognise"), bool):
        entry["recognise"] = [ALL] if entry["recognise"] else []
    for name in list_fields(Group) & set(entry):
        entry[name] = tuple(entry[name]) if isinstance(entry[name], list) else (entry[name],)
    check_fields(Group, entry | {"grid": grid}, where, also=PIPELINE_FIELDS)
    return Group(grid=grid, **entry)


def _listed(value: Any) -> tuple[Any, ...]:
    """What YAML gives as a list, as one value or not at all."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _plain(value: Any) -> Any:
    """Tuples as lists, so that YAML stays plain."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
