"""Flags that say how much the servers may see, shared by subcommands."""

from __future__ import annotations

import argparse
import re
import sys
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.errors import PedbenchError

if TYPE_CHECKING:
    from framework.exposure import Caps, Ledger, Protected


MOST_COALITIONS = 5000
FORM = "X0,Y0,X1,Y1[:F] or MASK.png[:F]"


def add_cap_flags(parser: argparse.ArgumentParser) -> None:
    """Describe the flags."""
    group = parser.add_argument_group(
        "exposure",
        "limit what servers receive: over all time with --ledger, else in this run alone",
    )
    group.add_argument("--ledger", type=Path, help="enter every send in this file")
    group.add_argument("--scene", help="name the scene; frames of one camera share a name")
    group.add_argument(
        "--policy-key",
        type=Path,
        metavar="FILE",
        help="read the secret key of a sticky policy, or make it; one key assigns a scene alike "
        "for ever (default: the ledger's key, else one in your data folder)",
    )
    group.add_argument(
        "--max-per-server",
        type=float,
        metavar="F",
        help="send a server at most this fraction of the scene",
    )
    group.add_argument(
        "--max-coalition",
        metavar="C:F",
        help="send any C servers together at most this fraction of the scene",
    )
    group.add_argument(
        "--cap-frames",
        type=int,
        metavar="N",
        help="let these limits hold for any N pictures of the scene in a row (default: for all)",
    )
    group.add_argument(
        "--protect",
        action="append",
        default=[],
        metavar="REGION[:F]",
        help="send at most the fraction F of this region (default: 0): a box X0,Y0,X1,Y1 in pixels "
        "of the photo, or a mask picture of its size; may be repeated",
    )
    group.add_argument(
        "--on-cap",
        choices=["edge", "fail"],
        default="edge",
        help="compute a window that no server may or can take on the edge, or fail (default: edge)",
    )
    group.add_argument(
        "--spot-checks",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="compute this share of windows again on the edge, 0 to 1 (default: 0)",
    )


def read_cap_flags(args: argparse.Namespace) -> dict[str, Any]:
    """The options of `Shards` that the flags ask for.

    Raises:
        PedbenchError: a flag is malformed, or the ledger cannot be opened.
    """
    from framework.exposure import Guard, Ledger

    caps = read_caps(args)
    options: dict[str, Any] = {"fallback": args.on_cap, "spot_checks": args.spot_checks}
    if caps is not None and args.ledger is None:
        print(
            "warning: caps without --ledger are forgotten when this run ends: give --ledger FILE "
            "to keep them over all time",
            file=sys.stderr,
        )
    if caps is not None or args.ledger is not None:
        ledger = Ledger(args.ledger) if args.ledger is not None else None
        options["guard"] = Guard(ledger, caps)
    return options


def read_policy_key(args: argparse.Namespace) -> bytes | None:
    """The key of ``--policy-key``; None without.

    Raises:
        PedbenchError: the file cannot be read or made, or is no key.
    """
    from framework.split.policies.key import read_key

    return None if args.policy_key is None else read_key(args.policy_key)


def read_caps(args: argparse.Namespace) -> Caps | None:
    """The caps that the flags ask for; None without any.

    Raises:
        PedbenchError: a flag is malformed.
    """
    from framework.exposure import Caps

    if args.max_per_server is None and args.max_coalition is None and not args.protect:
        if args.cap_frames is not None:
            raise PedbenchError("--cap-frames without a cap: give --max-per-server or another")
        return None
    coalition = None
    if args.max_coalition is not None:
        count, fraction = _numbers("--max-coalition", args.max_coalition, "C:F", 1)
        coalition = (int(count), fraction)
    return Caps(
        per_server=1.0 if args.max_per_server is None else args.max_per_server,
        coalition=coalition,
        protected=[_protected(text) for text in args.protect],
        frames=args.cap_frames,
    )


def print_exposure(ledger: Ledger, scene: str, coalition: int = 2) -> None:
    """Print what each server has seen of a scene, the worst coalition, and all together.

    Raises:
        PedbenchError: there are too many coalitions to go through.
    """
    counts = ledger.counts(scene)
    if not counts:
        print(f"scene {scene}: nothing was sent")
        return
    coverage = ledger.coverage(scene)
    height, width = coverage.size
    print(f"scene {scene}, {width}x{height} pixels, pictures: {ledger.frames(scene)}")
    if comb(len(counts), coalition) > MOST_COALITIONS:
        raise PedbenchError(f"too many coalitions of {coalition}: give a smaller --coalition")
    for server, count in sorted(counts.items()):
        print(f"  {server:<24} {count:>7} windows sent {coverage.of(server).mean():>8.2%} seen")
    if coalition < len(counts):
        group, fraction = coverage.worst(coalition)
        print(f"  {'+'.join(group):<45} {fraction:>8.2%} seen, most of any {coalition}")
    seen = coverage.union(counts).mean()
    print(f"  {'all servers together':<45} {seen:>8.2%} seen")
    if sum(coverage.of(server).mean() for server in counts) > seen:
        print("  (servers add up to more: rims of windows, seen by several, count for each)")


def _protected(text: str) -> Protected:
    from bench.datasets.decode.mask_pictures import read_labels
    from framework.exposure import Protected

    malformed = PedbenchError(f"--protect '{text}' is not understood: give {FORM}")
    box = re.fullmatch(r"(\d+),(\d+),(\d+),(\d+)(?::([^:]+))?", text)
    picture = re.fullmatch(r"(.+?\.[a-zA-Z]\w*)(?::([^:\\/]+))?", text)
    try:
        if box:
            x0, y0, x1, y1 = (int(number) for number in box.groups()[:4])
            return Protected((x0, y0, x1, y1), float(box[5] or 0))
        if picture:
            return Protected(read_labels(Path(picture[1]), picture[1]) > 0, float(picture[2] or 0))
    except ValueError as error:
        raise malformed from error
    raise malformed


def _numbers(flag: str, text: str, form: str, count: int) -> list[float]:
    """``count`` whole numbers with commas between, then a colon and a fraction."""
    whole, _, fraction = text.partition(":")
    try:
        numbers = [float(int(part)) for part in whole.split(",")] + [float(fraction)]
    except ValueError:
        numbers = []
    if len(numbers) != count + 1:
        raise PedbenchError(f"{flag} '{text}' is not understood: give {form}")
    return numbers
