"""Types of command-line arguments: a value that makes no sense is refused where it is read."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import math
import re
from collections.abc import Callable
from typing import NoReturn

from framework.errors import PedbenchError

LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*\.?")
LONGEST_HOST = 253
CENTURY = 36_500
"""Days; no certificate is valid for longer."""


class Parser(argparse.ArgumentParser):
    """Whose errors are one line, printed by `bench.cli.main` like any other bad input."""

    def error(self, message: str) -> NoReturn:
        raise PedbenchError(f"{message} (see '{self.prog} --help')")


def whole(low: int, high: float = math.inf) -> Callable[[str], int]:
    """The type of whole numbers from ``low`` to ``high``."""

    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            if low <= int(text) <= high:
                return int(text)
        raise argparse.ArgumentTypeError(
            f"'{text}': give a whole number {_range(low, high, 'of at least')}"
        )

    return read


def real(low: float, high: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    """The type of finite numbers from ``low`` (or only ``above`` it) to ``high``."""

    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            value = float(text)
            fits = low < value if above else low <= value
            if math.isfinite(value) and fits and value <= high:
                return value
        least = "above" if above else "of at least"
        raise argparse.ArgumentTypeError(f"'{text}': give a number {_range(low, high, least)}")

    return read


def part(text: str) -> tuple[int, int]:
    """The type of parts such as ``2/8``: which one, of how many."""
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if match and 1 <= int(match[1]) <= int(match[2]):
        return int(match[1]), int(match[2])
    raise argparse.ArgumentTypeError(f"'{text}': give a part such as 2/8, the second of eight")


positive_int = whole(1)
not_negative_int = whole(0)
LAST_PORT = 65_535
port = whole(0, LAST_PORT)
days = whole(1, CENTURY)
positive = real(0, above=True)
not_negative = real(0)
fraction = real(0, 1)


def add_photo_flags(parser: argparse.ArgumentParser) -> None:
    """Describe what `bench.cli.main` sets for all readers of photos."""
    parser.add_argument(
        "--max-megapixels",
        type=positive,
        metavar="N",
        help="refuse photos above N megapixels (default: 150 or $PEDBENCH_MAX_MEGAPIXELS)",
    )


def add_device_flag(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Describe where a command computes; ``auto`` unless another default is given."""
    parser.add_argument(
        "--device",
        type=device,
        default=default,
        help="compute on cpu, cuda, cuda:N or mps; auto takes the fastest that is here "
        f"(default: {default or 'auto'})",
    )


def host(text: str) -> str:
    """The type of a host's name or number, without scheme or port."""
    if len(text) <= LONGEST_HOST and HOST_NAME.fullmatch(text) and not _numeric(text):
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no host: give a name in ASCII or a number, without https:// or port"
        ) from error


def device(text: str) -> str:
    """The type of a device that this machine has."""
    from framework.compute.devices import usable_device

    try:
        return usable_device(text)
    except PedbenchError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _numeric(text: str) -> bool:
    """Whether a name ends in a number, as only addresses do."""
    return text.rstrip(".").rpartition(".")[2].isdigit()


def _range(low: float, high: float, least: str) -> str:
    if high == math.inf:
        return f"{least} {low:g}"
    return f"from {low:g} to {high:g}"
