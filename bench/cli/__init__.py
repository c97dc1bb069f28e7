"""The `pedbench` command: one module a subcommand."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from bench import __version__
from framework.allocator import keep_freed_memory
from framework.errors import PedbenchError

INTERRUPTED = 130
BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; bad input gives one line and exit code 2."""
    args = build_parser().parse_args(arguments)
    keep_freed_memory()
    try:
        return int(args.run(args) or 0)
    except PedbenchError as error:
        print(f"pedbench: error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("pedbench: interrupted; what is done is kept, run again to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands; each module's ``add`` describes its own."""
    parser = argparse.ArgumentParser(
        prog="pedbench",
        description="How much of a picture can the servers of a shared-out SAM get back?",
    )
    parser.add_argument("--version", action="version", version=f"pedbench {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name).add(subparsers)
    return parser
