"""``python -m tests.chaos.host A B …``: several services in one process, each on its own port."""

from __future__ import annotations

import argparse
import asyncio
import signal
from functools import partial
from pathlib import Path

import torch

from framework import Tls, build_sam
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.server.lifecycle import Settings, serve
from tests.chaos.evil import SERVICES


async def host(
    names: list[str], checkpoint: str | None, certs: Path | None, keys: list[str]
) -> None:
    """Serve until SIGTERM; prints all addresses in one line once all listen."""
    tls = [certs and Tls(certs / f"{k}.crt", certs / f"{k}.key", certs / "ca.crt") for k in keys]
    settings = [Settings(Address("127.0.0.1", 0), each, grace=1) for each in tls]
    sam = build_sam("tiny", checkpoint)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    found: dict[int, str] = {}

    def ready(number: int, address: str) -> None:
        found[number] = address
        if len(found) == len(names):
            listing = ",".join(found[i] for i in range(len(names)))
            print(f"listening on {listing}", flush=True)

    await asyncio.gather(
        *(
            serve(sam, settings[number], partial(ready, number), SERVICES[name], stop)
            for number, name in enumerate(names)
        )
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+", choices=sorted(SERVICES))
    parser.add_argument("--checkpoint")
    parser.add_argument("--certs", type=Path)
    parser.add_argument("--cert", nargs="+", help="the pair of each, by name")
    args = parser.parse_args()
    torch.set_num_threads(1)
    asyncio.run(host(args.names, args.checkpoint, args.certs, args.cert or args.names))


if __name__ == "__main__":
    main()
