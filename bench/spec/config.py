"""What a run does: presets in YAML, changed by the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from attacks.base import ATTACKS
from bench.flags.remote import Remote
from bench.spec.attack_settings import attack_names, recognised, situations
from bench.spec.cells import (
    BARE,
    EXPOSURE,
    STATIC,
    Cell,
    Pipeline,
    Segment,
    Watch,
    cell_id,
)
from bench.spec.checks import check_config
from bench.spec.fields import check_fields, check_values, read_yaml
from framework.errors import PedbenchError, unknown_name

PRESETS = Path(__file__).parent / "presets"
PIPELINE_FIELDS = tuple(f.name for f in dataclasses.fields(Pipeline))


@dataclass(frozen=True)
class Group:
    """A grid of pipelines and what is measured on each.

    Choices, stages, adaptive, public photos and frames are as the threat models say where they are
    empty.

    Attributes:
        grid: values of each `Pipeline` field; the pipelines are their product.
        segmentation: whether masks are scored.
        coalitions: coalition sizes by number of shards.
        choices: how coalitions are chosen.
        attacks: names; ``("all",)`` stands for every registered one.
        without: names left out of ``all``.
        seeds: how many of the run's seeds the group takes; all when ``None``.
        stages: stages at which the attacker looks; ``None`` is the earliest it has.
        adaptive: whether learned attackers train through the defence; both may be asked for.
        threats: named threat models, `attacks.threat_models.base.THREATS`.
        public_photos: how many photos of their own attackers have; ``None`` for all of the run.
        frames: numbers of frames of the scene that are watched.
        motions: what the scene does meanwhile.
        recognise: recognisers that judge pictures of the group; ``("all",)`` stands for each.
        recognise_on: attacks whose pictures they judge, with the first seed, beside the windows
            as received and the original; all but floors and ceilings of the group if empty.
    """

    grid: Mapping[str, list[Any]]
    segmentation: bool = False
    coalitions: Mapping[int, list[int]] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    seeds: int | None = None
    stages: tuple[int | None, ...] = ()
    adaptive: tuple[bool, ...] = ()
    threats: tuple[str, ...] = ("standard",)
    public_photos: tuple[int | None, ...] = ()
    frames: tuple[int, ...] = ()
    motions: tuple[str, ...] = (STATIC,)
    recognise: tuple[str, ...] = ()
    recognise_on: tuple[str, ...] = ()

    def pipelines(self) -> list[Pipeline]:
        """The product of the grid."""
        return [
            Pipeline(**dict(zip(self.grid, values, strict=True)))
            for values in product(*self.grid.values())
        ]


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
        limit: number of images scored; all when ``None``.
        save_images: keep the pictures of every cell.
        images, annotations: where a ``coco:`` data set departs from the usual layout.
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
    limit: int | None = None
    save_images: bool = False
    images: str | None = None
    annotations: str | None = None
    remote: Remote | None = None
    outside: tuple[str, ...] = ()
    precision: str = "float32"

    def cells(self) -> list[Cell]:
        """Every cell once, in a stable order."""
        found: dict[str, Cell] = {}
        for group in self.groups:
            for pipeline in group.pipelines():
                for cell in self._cells_of(group, pipeline):
                    found.setdefault(cell_id(cell), cell)
        return list(found.values())

    @cached_property
    def largest_partial(self) -> dict[tuple[Pipeline, str], int]:
        """The largest coalition that misses a shard, by pipeline and choice, where several do."""
        sizes: dict[tuple[Pipeline, str], set[int]] = {}
        for cell in self.cells():
            if isinstance(cell, Watch) and cell.coalition < cell.pipeline.n_shards:
                sizes.setdefault((cell.pipeline, cell.choice), set()).add(cell.coalition)
        return {key: max(found) for key, found in sizes.items() if len(found) > 1}

    def _cells_of(self, group: Group, pipeline: Pipeline) -> Iterator[Cell]:
        if group.segmentation:
            yield Segment(pipeline)
        sizes = group.coalitions.get(pipeline.n_shards, ())
        for size, watched in product(sizes, situations(group)):
            everyone = size == pipeline.n_shards
            if everyone and group.choices and watched["choice"] != group.choices[0]:
                continue
            for watch in self._attacks_of(group, Watch(pipeline, size, attack="", **watched)):
                yield from recognised(group, watch, self.seeds[0])

    def _attacks_of(self, group: Group, watch: Watch) -> Iterator[Watch]:
        """Every attack of a group in one situation, with every seed that it needs."""
        names = [*BARE] if group.recognise else [EXPOSURE]
        for name in [*names, *attack_names(group)]:
            learned = name not in BARE and ATTACKS.get(name).needs_training
            if not watch.adaptive and (watch.pipeline.defence == "none" or not learned):
                continue
            random = name not in BARE and ATTACKS.get(name).random
            for seed in self.seeds[: group.seeds] if random else self.seeds[:1]:
                yield dataclasses.replace(watch, attack=name, seed=seed)

    def wants_picture(self, cell: Watch) -> bool:
        """Whether the cell's reconstructions are kept as PNG."""
        if cell.recognise or self.save_images:
            return self.save_images and not cell.recognise
        facts = dataclasses.asdict(cell.pipeline) | {"coalition": cell.coalition}
        plain = cell.stage is None and cell.seed == self.seeds[0] and not cell.means
        return plain and any(
            all(facts[key] == value for key, value in wanted.items()) for wanted in self.pictures
        )

    def pictured(self, cell: Cell) -> bool:
        """Whether the cell leaves pictures of any kind in the run folder."""
        if isinstance(cell, Watch):
            return cell.attack != EXPOSURE and self.wants_picture(cell)
        return self.wants_masks(cell.pipeline)

    def wants_masks(self, pipeline: Pipeline) -> bool:
        """Whether the masks of a pipeline are drawn for the report."""
        facts = dataclasses.asdict(pipeline) | {"coalition": None}
        return self.save_images or any(
            all(facts[key] in (value, None) for key, value in wanted.items())
            for wanted in self.pictures
        )

    def check(self) -> None:
        """Refuse unknown names before any work is done.

        Raises:
            PedbenchError: names the first unknown or unusable setting.
        """
        check_config(self)

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
            raise PedbenchError(f"configuration {path} does not exist: give a preset or a file")
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
    content = read_yaml(path)
    content.pop("description", None)
    entries = content.pop("groups", None)
    if not isinstance(entries, list):
        raise PedbenchError(f"{path}: key 'groups' is missing or not a list: give at least one")
    groups = [_group(entry, f"{path}: group {n}") for n, entry in enumerate(entries, 1)]
    for name in ("public", "seeds", "pictures", "outside"):
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
    grid = dict(entry.pop("grid", {}))
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
    if isinstance(entry.get("recognise"), bool):
        entry["recognise"] = ["all"] if entry["recognise"] else []
    lists = {f.name for f in dataclasses.fields(Group) if str(f.type).startswith("tuple")}
    for name in lists & set(entry):
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
