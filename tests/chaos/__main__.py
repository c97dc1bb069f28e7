"""``make chaos``: every fault, and what became of the requests."""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from bench.stopping import stoppable
from tests.chaos.edge import Tally
from tests.chaos.faults import FAULTS
from tests.chaos.world import World

WIDTH = max(map(len, FAULTS))
HEADER = f"{'fault':<{WIDTH}} requests right errors  wrong   caps seconds"


def line(name: str, tally: Tally, seconds: float) -> str:
    """A row of the table."""
    counts = f"{tally.requests:>8} {tally.right:>5} {tally.errors:>6} {tally.wrong:>6}"
    return f"{name:<{WIDTH}} {counts} {tally.exceeded:>6} {seconds:>7.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the faults; 1 when a mask was wrong or a cap exceeded."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--requests", type=int, default=3, help="for each fault")
    parser.add_argument("--deadline", type=float, default=5.0, help="seconds, of the edge")
    parser.add_argument("--only", help="faults whose name contains this")
    parser.add_argument("--verbose", action="store_true", help="print the errors too")
    args = parser.parse_args(arguments)
    logging.getLogger("framework").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    total, begun = Tally(), time.monotonic()
    with stoppable(), tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), args.deadline)
        try:
            print(HEADER, flush=True)
            for name, play in FAULTS.items():
                if args.only and args.only not in name:
                    continue
                start = time.monotonic()
                tally = play(world, args.requests)
                total += tally
                print(line(name, tally, time.monotonic() - start), flush=True)
                if args.verbose or tally.wrong:
                    for text in dict.fromkeys(tally.messages):
                        print(f"    {text}")
        finally:
            world.close()
    print(line("all", total, time.monotonic() - begun))
    print("right: IoU ≥ 0.9999 with the undisturbed mask; errors: one clear line")
    print("wrong: anything else; caps: servers or pairs that were sent more than allowed")
    return int(total.wrong > 0 or total.exceeded > 0 or total.right + total.errors == 0)


if __name__ == "__main__":
    raise SystemExit(main())
