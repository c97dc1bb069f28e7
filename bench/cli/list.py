"""`pedbench list`: the parts that can be named."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from framework.errors import printable, unknown_name

if TYPE_CHECKING:
    from framework.registry import Origin, Registry


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "list",
        help="list models, plans, payloads, policies, defences, attacks, data, recognisers, …",
        description="List the parts that can be named; those of other packages with their origin.",
    )
    parser.add_argument("kind", nargs="?", help="list only this kind, e.g. attacks")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    kinds = parts()
    if args.kind is not None and args.kind not in kinds:
        raise unknown_name("kind", args.kind, kinds)
    for kind, entries in kinds.items():
        if args.kind in (None, kind):
            print(f"{kind}:")
            width = max((len(name) for name, _ in entries), default=0)
            for name, summary in entries:
                print(f"  {name:<{width}}  {summary}".rstrip())
    return 0


def parts() -> dict[str, list[tuple[str, str]]]:
    """Every kind with its names and one-line summaries, of which plug-ins name their package."""
    # Imported here, or each command would wait seconds for PyTorch.
    from bench.datasets.motion import MOTIONS
    from bench.latency.config import is_latency
    from bench.parts import REGISTRIES
    from bench.runner.forecast.typical import typical
    from bench.spec.config import load_preset, preset_names
    from framework.models.named import models as known_models
    from framework.split.payload import PayloadSpec, payload_names
    from framework.split.plans import PLANS

    models = [
        (a.name, f"{a.img_size} px, depth {a.depth}, width {a.width}")
        for a, _ in known_models().values()
    ]
    presets = [
        (name, "time over links" if is_latency(name) else typical(load_preset(name)))
        for name in preset_names()
    ]
    return {
        "models": models,
        "plans": [(name, plan.summary) for name, plan in PLANS.items()],
        "payloads": [(name, PayloadSpec.parse(name).summary) for name in payload_names()],
        **{kind: _summaries(registry) for kind, registry in REGISTRIES.items()},
        "motions": [(name, (motion.__doc__ or "").rstrip(".")) for name, motion in MOTIONS.items()],
        "presets": presets,
    }


def _summaries(registry: Registry[Any]) -> list[tuple[str, str]]:
    origins = registry.origins()
    return [
        (name, f"{_summary(part)}{_from(origins.get(name))}".strip())
        for name, part in registry.items()
    ]


def _summary(part: Any) -> str:
    """One line on a part; figures and tables have a title instead."""
    return printable(str(getattr(part, "summary", "") or getattr(part, "title", "")))


def _from(origin: Origin | None) -> str:
    return f"  [{origin.package} {origin.version}]" if origin else ""
