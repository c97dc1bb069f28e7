"""What a latency run measures: a preset with a ``latency`` section."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.latency.network.links import DIRECT, LINKS, Link, read_link
from bench.spec.config import find_preset
from bench.spec.fields import check_fields, read_yaml
from bench.spec.restriction import Only
from framework.errors import PedbenchError, unknown_name
from framework.models.named import architecture
from framework.split.payload import PayloadSpec
from framework.split.plans import PLANS, make_plan
from framework.split.windows import WindowGrid

SECTION = "latency"
BASELINE, CLOUD = "local", "centralized"


@dataclass(frozen=True)
class LatencyConfig:
    """Everything that decides a latency run.

    Attributes:
        preset: name of the preset.
        model, checkpoint: as in `build_sam`.
        shards: servers that share the windows; one more is the usual cloud of ``centralized``.
        payload: what travels, in every plan but ``centralized``, which sends pixels.
        plans: measured side by side; ``local`` must be among them, the others are compared with it.
        repeats: encodes per plan and link, after one that does not count.
        links: between the edge and the servers.
    """

    preset: str
    model: str = "tiny"
    checkpoint: str | None = None
    shards: int = 4
    payload: str = "float16"
    plans: tuple[str, ...] = tuple(sorted(PLANS, key=lambda name: name != BASELINE))
    repeats: int = 10
    links: tuple[Link, ...] = tuple(LINKS.values())

    def check(self) -> None:
        """Refuse what cannot be measured.

        Raises:
            PedbenchError: names the first unknown or unusable setting.
        """
        arch = architecture(self.model)
        PayloadSpec.parse(self.payload)
        for plan in self.plans:
            make_plan(plan, arch)
        if BASELINE not in self.plans:
            raise PedbenchError(f"plans {', '.join(self.plans)}: add {BASELINE}, the baseline")
        names = [link.name for link in self.links]
        if len(set(names)) < len(names) or len(set(self.plans)) < len(self.plans):
            raise PedbenchError("a plan or a link is named twice: name each one once")
        most = len(WindowGrid.of(arch, (arch.img_size, arch.img_size)).windows)
        if self.repeats < 1 or not 1 <= self.shards <= most:
            raise PedbenchError(
                f"{self.repeats} repeats, {self.shards} shards: give at least 1, and at most "
                f"{most} shards, as many as windows"
            )

    @property
    def servers(self) -> int:
        """How many run: the shards, and the usual cloud where it is measured."""
        return self.shards + (CLOUD in self.plans)

    def to_yaml(self) -> str:
        """The text of ``config.yaml``; `read_latency` reads it back."""
        fields = {key: value for key, value in vars(self).items() if key not in TOP}
        fields["plans"] = list(self.plans)
        fields["links"] = [vars(link) for link in self.links]
        top = {key: getattr(self, key) for key in TOP}
        return yaml.safe_dump(top | {SECTION: fields}, sort_keys=False)


TOP = ("preset", "model", "checkpoint")


def narrowed(config: LatencyConfig, only: Only) -> LatencyConfig:
    """Only these links and plans; what they are compared with stays: no link, the edge alone.

    Raises:
        PedbenchError: the run has no such link or plan, or ``only`` names another setting.
    """
    known = {"link": [DIRECT.name, *(link.name for link in config.links)], "plan": config.plans}
    for name, values in only.items():
        if name not in known:
            raise unknown_name("setting of latency", name, known)
        for value in values:
            if value not in known[name]:
                raise unknown_name(f"{name} of preset {config.preset}", value, known[name])
    links, plans = only.get("link", known["link"]), (BASELINE, *only.get("plan", known["plan"]))
    return dataclasses.replace(
        config,
        links=tuple(link for link in config.links if link.name in links),
        plans=tuple(plan for plan in config.plans if plan in plans),
    )


def is_latency(preset: str) -> bool:
    """Whether a preset or YAML file measures latency.

    Raises:
        PedbenchError: there is none of that name.
    """
    return SECTION in _content(find_preset(preset))


def read_latency(path: Path, preset: str | None = None) -> LatencyConfig:
    """Read a preset or a run's ``config.yaml``.

    Raises:
        PedbenchError: a field is unknown or malformed.
    """
    content = dict(_content(path))
    try:
        content.pop("description", None)
        content.setdefault("preset", preset or path.stem)
        fields = dict(content.pop(SECTION) or {})
        if "links" in fields:
            fields["links"] = tuple(read_link(entry) for entry in fields["links"])
        if "plans" in fields:
            fields["plans"] = tuple(fields["plans"])
        check_fields(LatencyConfig, content | fields, str(path), also=("description", SECTION))
        return LatencyConfig(**content, **fields)
    except (TypeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise PedbenchError(f"{path} is not a latency configuration: {reason}") from error


def load_latency(preset: str, given: Mapping[str, Any]) -> LatencyConfig:
    """A preset, changed by what was given on the command line.

    Raises:
        PedbenchError: as in `read_latency` and `LatencyConfig.check`.
    """
    path = find_preset(preset)
    config = dataclasses.replace(read_latency(path, path.stem), **given)
    config.check()
    return config


def _content(path: Path) -> Mapping[str, Any]:
    return read_yaml(path)
