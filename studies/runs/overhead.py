"""What gRPC costs over shards in this process, and where its seconds go.

    python -m studies.runs.overhead --model vit_b --checkpoint random --payload float16

Both sides are pinned to the same two processors and take turns: the edge computes with two threads
while the servers wait, the servers with one each while the edge waits. Medians over the repeats.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not spin

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import skimage.data
import torch

from bench.latency.network.servers import ServerProcesses
from framework import DistributedSamPredictor, GrpcShards, LocalShards, Tls, build_sam
from framework.transport.grpc.client.remote import Timing
from framework.transport.grpc.security.certificates import write_certificates
from framework.transport.patience import Patience
from studies.command import exit_with

PATIENCE = Patience(deadline=600, hello=60)


def seconds_of(predictor: DistributedSamPredictor) -> float:
    """One encode."""
    start = perf_counter()
    predictor.set_image(skimage.data.astronaut())
    return perf_counter() - start


def breakdown(timings: Sequence[Timing]) -> dict[str, float]:
    """Seconds of one encode by what the slowest server of each round spent them on."""
    rounds: defaultdict[int, list[Timing]] = defaultdict(list)
    for timing in timings:
        rounds[timing.round].append(timing)
    slowest = [max(of_round, key=lambda timing: timing.seconds) for of_round in rounds.values()]
    parts = {
        "serialise": sum(t.encode + t.decode for t in slowest),
        "wait for the server's processor": sum(t.wait for t in slowest),
        "compute on servers": sum(t.compute for t in slowest),
    }
    exchange = sum(t.seconds for t in slowest)
    return parts | {"wire and the rest": exchange - sum(parts.values()), "exchange": exchange}


def measure(args: argparse.Namespace, folder: Path) -> None:
    """Print the table."""
    write_certificates(folder)
    flags = ["--tls-cert", folder / "shard.crt", "--tls-key", folder / "shard.key"]
    flags += ["--client-ca", folder / "ca.crt", "--model", args.model, "--threads", "1"]
    flags += ["--checkpoint", args.checkpoint] if args.checkpoint else []
    command = ["shard", "--bind", "127.0.0.1:0", *map(str, flags)]
    tls = Tls(folder / "edge.crt", folder / "edge.key", folder / "ca.crt")
    sam = build_sam(args.model, args.checkpoint)
    options = {"plan": args.plan, "payload": args.payload}
    with (
        ServerProcesses([command] * args.servers, quiet=True) as servers,
        GrpcShards(servers.addresses, tls, patience=PATIENCE, fallback="fail") as shards,
    ):
        away = DistributedSamPredictor(sam, shards, **options)
        here = DistributedSamPredictor(sam, LocalShards(args.servers), **options)
        seconds_of(here), seconds_of(away)
        found: dict[str, list[float]] = defaultdict(list)
        for _ in range(args.repeats):
            found["in-process"].append(seconds_of(here))
            shards.timings.clear()
            found["gRPC"].append(seconds_of(away))
            for part, seconds in breakdown(shards.timings).items():
                found[part].append(seconds)
    print(f"{args.model}, {args.plan}, {args.payload}, {args.servers} servers, mutual TLS")
    for name, values in found.items():
        spread = f"{min(values):.3f} to {max(values):.3f}"
        print(f"  {name:<32} {median(values):>8.3f} s  ({spread})")
    overhead = median(found["gRPC"]) / median(found["in-process"]) - 1
    traffic = away.traffic
    print(f"  {'overhead':<32} {overhead:>+8.1%}")
    print(f"  bytes: {traffic.bytes_up / 1e6:.1f} MB up, {traffic.bytes_down / 1e6:.1f} MB down")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--checkpoint")
    parser.add_argument("--plan", default="interleaved")
    parser.add_argument("--payload", default="float16")
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    torch.set_num_threads(2)
    with TemporaryDirectory() as folder:
        measure(args, Path(folder))


if __name__ == "__main__":
    exit_with(main, "studies.runs.overhead")
