"""The edge of a latency run, in a process of its own: its peak memory is that of one plan.

It encodes and segments a photo for each line it reads, and answers with one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import skimage.data
import torch

from framework import (
    DistributedSamPredictor,
    GrpcShards,
    LocalShards,
    PedbenchError,
    Tls,
    build_sam,
)
from framework.compute.allocator import keep_freed_memory
from framework.split.payload import Payload
from framework.transport.base import Round, Shards
from framework.transport.patience import Patience

PATIENCE = Patience(deadline=600, hello=60)
BOX = np.array([150, 20, 330, 300])
"""A prompt on the photo, x0, y0, x1, y1: what is in it does not matter to the time."""


@dataclass(frozen=True)
class Job:
    """What an edge process does.

    Attributes:
        addresses: the servers; none when everything runs here.
        tls: certificate, key and authority.
        threads: of torch.
    """

    model: str
    checkpoint: str | None
    plan: str
    payload: str
    addresses: tuple[str, ...]
    tls: tuple[str, str, str]
    threads: int

    def to_json(self) -> str:
        """One argument; `from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The inverse of `to_json`."""
        fields = json.loads(text)
        return cls(**fields | {name: tuple(fields[name]) for name in ("addresses", "tls")})


class Timed(Shards):
    """Adds up the seconds that the edge spends on its servers."""

    away = 0.0

    def exchange(
        self,
        round_: Round,
        owners: Sequence[int],
        payloads: Sequence[Payload],
        decoys: Mapping[int, Mapping[int, Payload]] | None = None,
    ) -> list[Payload]:
        """As in `Shards`."""
        start = perf_counter()
        try:
            return super().exchange(round_, owners, payloads, decoys)
        finally:
            self.away += perf_counter() - start

    def encode_image(self, round_: Round, payloads: Sequence[Payload]) -> Payload:
        """As in `Shards`."""
        start = perf_counter()
        try:
            return super().encode_image(round_, payloads)
        finally:
            self.away += perf_counter() - start


class TimedGrpc(Timed, GrpcShards):
    """Servers on other hosts."""


class TimedLocal(Timed, LocalShards):
    """For the plan that has no servers."""


class Edge:
    """One plan, ready to encode.

    Attributes:
        bare: bytes of this process before it held a model.
    """

    def __init__(self, job: Job) -> None:
        self.bare = memory("VmRSS")
        torch.set_num_threads(job.threads)
        self.shards: Timed = TimedLocal(1)
        if job.addresses:
            tls = Tls(*job.tls)
            self.shards = TimedGrpc(job.addresses, tls, patience=PATIENCE, fallback="fail")
        sam = build_sam(job.model, job.checkpoint)
        self.predictor = DistributedSamPredictor(
            sam, self.shards, plan=job.plan, payload=job.payload
        )
        self.photo = skimage.data.astronaut()

    def measure(self) -> dict[str, Any]:
        """From a photo to one mask: seconds, of them away, payload bytes, peak memory so far."""
        self.shards.away = 0.0
        start = perf_counter()
        self.predictor.set_image(self.photo)
        self.predictor.predict(box=BOX, multimask_output=False)
        seconds = perf_counter() - start
        return {
            "seconds": seconds,
            "away_seconds": self.shards.away,
            **asdict(self.predictor.traffic),
            "peak_bytes": memory("VmHWM"),
            "bare_bytes": self.bare,
        }


def memory(what: str) -> int:
    """Bytes of this process: ``VmHWM`` for the most it has held, ``VmRSS`` for what it holds now.

    Elsewhere than on Linux, both are the most it has held. (There, ``ru_maxrss`` would count what
    the parent held when it started this process.)
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(each for each in status.read_text().splitlines() if each.startswith(what))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """The edge process."""
    keep_freed_memory()
    try:
        edge = Edge(Job.from_json(sys.argv[1]))
        print(json.dumps({}), flush=True)
        for _ in sys.stdin:
            print(json.dumps(edge.measure()), flush=True)
    except PedbenchError as error:
        print(json.dumps({"error": str(error)}), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        main()
