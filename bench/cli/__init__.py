"""The `pedbench` command: one module a subcommand.

Modules here and in `bench.flags` import within functions what brings PyTorch along: it takes 2.5 s
of processor time to load, and neither help nor a mistyped flag should wait for it.
"""

from __future__ import annotations

import argparse
import importlib
import io
import pkgutil
import re
import sys
import warnings
from collections.abc import Sequence
from itertools import pairwise

from bench import __version__
from bench.flags.arguments import Parser
from bench.stopping import end_quickly, stoppable
from framework.compute.allocator import keep_freed_memory
from framework.errors import PedbenchError, place_of
from framework.files.picture_file import megapixel_limit
from framework.files.writing import reason

NEGATIVE = re.compile(r"-[.]?[0-9]")
INTERRUPTED = 130
BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; bad input gives one line and exit code 2."""
    print_anything()
    warnings.formatwarning = warning_line
    keep_freed_memory()
    end_quickly()
    resumes = False
    try:
        given = attached(sys.argv[1:] if arguments is None else arguments)
        refuse_empty(given)
        args = build_parser().parse_args(given)
        resumes = getattr(args, "resumes", False)
        with stoppable(), megapixel_limit(getattr(args, "max_megapixels", None)):
            return carried_out(args)
    except PedbenchError as error:
        print(f"pedbench: error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        more = "; what is done is kept, run again to go on" if resumes else ""
        print(f"pedbench: interrupted{more}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        print(f"pedbench: error: {name}{reason(error)}: give another path", file=sys.stderr)
        return BAD_INPUT


def carried_out(args: argparse.Namespace) -> int:
    """Carry a subcommand out; its exit code.

    Raises:
        PedbenchError: a part of another package called ``sys.exit``.
    """
    try:
        return int(args.run(args) or 0)
    except SystemExit as error:
        raise PedbenchError(
            f"sys.exit was called{place_of(error)}: mend or uninstall the package; "
            "what is done is kept"
        ) from error


def refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse ``--out ""`` and the like: an empty path would be the folder one is in.

    Raises:
        PedbenchError: names the option.
    """
    pairs = pairwise(arguments)
    empty = [flag for flag, value in pairs if flag.startswith("--") and not value]
    empty += [each[:-1] for each in arguments if each.startswith("--") and each.endswith("=")]
    if empty:
        raise PedbenchError(f"{empty[0]} is empty: give a value, or leave it out")


def print_anything() -> None:
    """Let a terminal that lacks a character show its number instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def warning_line(message: Warning | str, *_: object, **__: object) -> str:
    """A warning as users read it, without a line of code."""
    return f"pedbench: warning: {message}\n"


def attached(arguments: Sequence[str]) -> list[str]:
    """Arguments with values such as ``-5,0,9,9`` tied to their flag, lest they pass for one."""
    joined: list[str] = []
    for argument in arguments:
        flag = joined[-1] if joined else ""
        if NEGATIVE.match(argument) and flag.startswith("--") and flag != "--" and "=" not in flag:
            joined[-1] = f"{flag}={argument}"
        else:
            joined.append(argument)
    return joined


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands; each module's ``add`` describes its own."""
    parser = Parser(
        prog="pedbench",
        description="Measure how much of a picture the servers of a split SAM can reconstruct.",
    )
    parser.add_argument("--version", action="version", version=f"pedbench {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name).add(subparsers)
    return parser
