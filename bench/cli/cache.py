"""`pedbench cache`: what is kept from one command to the next."""

from __future__ import annotations

import argparse


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommands."""
    parser = subparsers.add_parser("cache", help="show, trim or clear what runs keep for the next")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    info = actions.add_parser("info", help="show what the cache holds")
    info.set_defaults(run=show)
    trimmed = actions.add_parser("trim", help="delete what was not used for longest")
    trimmed.add_argument("size", help="leave at most this much, e.g. 500MB")
    trimmed.set_defaults(run=trim)
    clear = actions.add_parser("clear", help="delete results, encodings and trained attackers")
    clear.set_defaults(run=trim, size="0")


def show(args: argparse.Namespace) -> int:
    """Print what each folder holds."""
    from bench.cache.disk import KINDS, holdings
    from framework.files.cache import cache_dir

    print(cache_dir())
    found = holdings(cache_dir())
    for each in found:
        size = f"{each.bytes / 1e6:10.1f} MB"
        print(f"  {each.kind:<14} {each.files:>7} files {size}  {KINDS[each.kind]}")
    print(f"  {'all':<14} {sum(e.files for e in found):>7} files ", end="")
    print(f"{sum(e.bytes for e in found) / 1e6:9.1f} MB")
    return 0


def trim(args: argparse.Namespace) -> int:
    """Make the cache smaller."""
    from bench.cache.disk import trim as trim_cache
    from bench.cache.store import parse_size
    from framework.files.cache import cache_dir

    _, freed = trim_cache(cache_dir(), parse_size(args.size))
    print(f"{freed / 1e6:.1f} MB freed")
    return 0
