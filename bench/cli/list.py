"""`pedbench list`: the parts that can be named."""

from __future__ import annotations

import argparse
from collections.abc import Iterable


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "list",
        help="list models, plans, payloads, policies, defences, attacks, data, recognisers, …",
    )
    parser.add_argument("kind", nargs="?", help="list only this kind, e.g. attacks")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from framework.errors import unknown_name

    kinds = parts()
    if args.kind is not None and args.kind not in kinds:
        raise unknown_name("kind", args.kind, kinds)
    for kind, entries in kinds.items():
        if args.kind in (None, kind):
            print(f"{kind}:")
            for name, summary in entries:
                print(f"  {name:<18} {summary}".rstrip())
    return 0


def parts() -> dict[str, list[tuple[str, str]]]:
    """Every kind with its names and one-line summaries."""
    from attacks.analyses.side_channels import SIDE_CHANNELS
    from attacks.base import ATTACKS
    from attacks.threat_models.base import THREATS
    from bench.datasets.base import DATASETS
    from bench.datasets.motion import MOTIONS
    from bench.latency.config import is_latency
    from bench.metrics import METRICS
    from bench.recognition import RECOGNISERS
    from bench.spec.config import load_preset, preset_names
    from framework.models.architectures import ARCHITECTURES
    from framework.split.defences import DEFENCES
    from framework.split.payload import payload_names
    from framework.split.plans import PLANS
    from framework.split.policies import POLICIES

    def summaries(items: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
        return [(name, str(getattr(part, "summary", ""))) for name, part in items]

    models = [
        (a.name, f"{a.img_size} px, depth {a.depth}, width {a.width}")
        for a in ARCHITECTURES.values()
    ]
    presets = [
        (name, "time over links" if is_latency(name) else f"{len(load_preset(name).cells())} cells")
        for name in preset_names()
    ]
    return {
        "models": models,
        "plans": list(PLANS.items()),
        "payloads": [(name, "") for name in payload_names()],
        "policies": summaries(POLICIES.items()),
        "defences": summaries(DEFENCES.items()),
        "attacks": summaries(ATTACKS.items()),
        "side_channels": summaries(SIDE_CHANNELS.items()),
        "threats": summaries(THREATS.items()),
        "motions": [(name, "of a scene over frames") for name in MOTIONS],
        "datasets": summaries(DATASETS.items()),
        "metrics": summaries(METRICS.items()),
        "recognisers": summaries(RECOGNISERS.items()),
        "presets": presets,
    }
