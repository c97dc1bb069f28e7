"""`pedbench verify`: recompute a sample of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.flags.arguments import add_device_flag, not_negative_int, positive_int


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "verify",
        help="recompute a random sample of a run's cells and compare",
        description="Recompute a random sample of a run's cells and say whether its records hold. "
        "Exit code 1 where any differs by more than rounding.",
    )
    parser.add_argument("folder", type=Path, help="check this run folder")
    parser.add_argument(
        "--sample",
        type=positive_int,
        default=20,
        metavar="N",
        help="recompute N cells, each on one image (default: 20)",
    )
    parser.add_argument(
        "--seed", type=not_negative_int, default=0, help="choose them with this seed (default: 0)"
    )
    add_device_flag(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    # Imported here, or each command would wait seconds for PyTorch.
    from bench.submission.agreement import summary, too_far
    from bench.submission.verify import keep, verify

    found = verify(args.folder, args.sample, args.seed, args.device)
    print(f"{found.cells} cells recomputed")
    print("\n".join(summary(found.table)))
    if found.agrees:
        print(f"{args.folder} agrees")
        keep(args.folder, found, args.seed)
        return 0
    far = too_far(found.table)
    shown = far[["image_id", "policy", "n_shards", "attack", "region", "metric", "before", "after"]]
    print(f"{args.folder} disagrees in {len(far)} records:")
    print(shown.head(20).to_string(index=False))
    keep(args.folder, found, args.seed)
    return 1
