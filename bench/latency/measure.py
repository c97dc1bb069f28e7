"""The measurement: servers and edges as processes, plans in turn, link by link."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bench.latency.config import BASELINE, CLOUD, LatencyConfig
from bench.latency.edge import Job
from bench.latency.network.hosts import Network
from bench.latency.network.links import DIRECT, Link
from bench.latency.network.servers import FOLLOWS, MAIN, ServerProcesses
from framework.errors import PedbenchError
from framework.transport.grpc.security.certificates import write_certificates

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait must not spin: edge and servers share the processor."""

Row = dict[str, Any]


class EdgeProcess:
    """An edge in its place; a context manager.

    Raises:
        PedbenchError: it could not start.
    """

    def __init__(self, job: Job, enter: Sequence[str]) -> None:
        self.plan = job.plan
        self.process = subprocess.Popen(
            [*enter, sys.executable, "-m", "bench.latency.edge", job.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | PASSIVE,
        )

    def measure(self) -> Row:
        """One photo.

        Raises:
            PedbenchError: the edge or a server failed.
        """
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        return self.answer()

    def answer(self) -> Row:
        """What it says next.

        Raises:
            PedbenchError: it failed.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise PedbenchError(
                f"the edge of plan {self.plan} ended with code {self.process.wait()}: "
                "see its message above"
            )
        row = json.loads(line)
        if "error" in row:
            raise PedbenchError(row["error"])
        return row

    def __enter__(self) -> EdgeProcess:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()
        self.process.kill()
        self.process.wait()


def cores() -> int:
    """Threads in all: what torch takes by default, so ``OMP_NUM_THREADS`` counts."""
    return torch.get_num_threads()


def threads_of_shards(config: LatencyConfig) -> int:
    """Torch threads of each shard: all together as many as the edge alone, but at least one."""
    return max(1, cores() // config.shards)


@contextmanager
def edges(config: LatencyConfig, network: Network) -> Iterator[list[EdgeProcess]]:
    """All servers and one edge per plan, running; the last server is the usual cloud."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pedbench-certs-")))
        hosts = [host.bind.rpartition(":")[0] for host in network.servers]
        write_certificates(folder, hosts, len(hosts), days=2)
        threads = [threads_of_shards(config)] * config.shards
        threads += [cores()] * (config.servers - config.shards)
        commands = [
            [*host.enter, *MAIN, *_shard_flags(config, host.bind, folder / f"shard-{i}", count)]
            for i, (host, count) in enumerate(zip(network.servers, threads, strict=True))
        ]
        servers = stack.enter_context(ServerProcesses(commands, main=(), env=PASSIVE))
        started = [
            stack.enter_context(EdgeProcess(job, network.edge.enter))
            for job in _jobs(config, servers.addresses, folder)
        ]
        for edge in started:
            edge.answer()
        yield started


def measure_link(
    config: LatencyConfig,
    network: Network,
    running: Sequence[EdgeProcess],
    link: Link,
    done: Callable[[], object],
) -> list[Row]:
    """Every plan in turn, so often as asked for; the first turn warms up and does not count."""
    network.use(link)
    rows = []
    for repeat in range(-1, config.repeats):
        for edge in running:
            row = edge.measure()
            done()
            if repeat >= 0:
                how = network.emulation if link != DIRECT else "no link"
                rows.append(
                    {"link": link.name, "plan": edge.plan, "repeat": repeat, "how": how, **row}
                )
    return rows


def _jobs(config: LatencyConfig, addresses: Sequence[str], folder: Path) -> list[Job]:
    tls = str(folder / "edge.crt"), str(folder / "edge.key"), str(folder / "ca.crt")
    job = Job(config.model, config.checkpoint, "", config.payload, (), tls, cores())
    places = {BASELINE: (), CLOUD: tuple(addresses[config.shards :])}
    shards = tuple(addresses[: config.shards])
    return [replace(job, plan=plan, addresses=places.get(plan, shards)) for plan in config.plans]


def _shard_flags(config: LatencyConfig, bind: str, pair: Path, threads: int) -> list[str]:
    flags = ["shard", "--bind", bind, "--model", config.model, "--threads", str(threads)]
    flags += ["--tls-cert", f"{pair}.crt", "--tls-key", f"{pair}.key"]
    flags += ["--client-ca", str(pair.parent / "ca.crt")]
    flags += ["--checkpoint", config.checkpoint] if config.checkpoint else []
    return [*flags, "--log-level", "warning", "--grace", "2", FOLLOWS]
