"""`pedbench new`: start a package of one's own with one part."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.skeletons.write import GROUPS, first_run, write_package
from framework.errors import PedbenchError


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "new",
        help="write a package with an attack, a defence, … of your own, and a test of it",
        description="Write a small package with one part and a test that passes at once.",
    )
    parser.add_argument("kind", choices=GROUPS, help="what to add")
    parser.add_argument("name", metavar="NAME", help="name of the part, e.g. my_attack")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write here (default: pedbench-NAME)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    # Imported here, or each command would wait seconds for PyTorch.
    from bench.parts import REGISTRIES

    registry = REGISTRIES[GROUPS[args.kind]]
    if args.name in registry.names():
        raise PedbenchError(f"the {registry.kind} '{args.name}' exists: give another name")
    folder = args.out or Path(f"pedbench-{args.name.replace('_', '-')}")
    for path in write_package(args.kind, args.name, folder):
        print(path)
    print(
        f"change {folder}, test it with 'python -m pytest {folder}', install it with "
        f"'pip install {folder.absolute()}'"
    )
    print(f"then run it with '{first_run(args.kind, args.name, folder)}'")
    return 0
