"""What the faults happen to: servers as processes, certificates good and bad, and an edge."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import skimage.data

from bench.latency.network.servers import ServerProcesses
from framework import Tls, build_sam
from framework.transport.grpc.security.certificates import (
    EDGE,
    LOOPBACK,
    SHARD,
    Authority,
    pair,
    write_new,
)
from framework.transport.patience import Patience
from tests.chaos.edge import Edge
from tests.chaos.evil import SERVICES

HOST = (sys.executable, "-m", "tests.chaos.host")
ROOT = Path(__file__).parents[2]
CHECKPOINT = "random"
SERVERS = 64
"""So many have a key of their own."""


def make_certificates(folder: Path) -> None:
    """``edge``, ``shard-0``, …, and such as nobody may accept: expired, of a foreign authority."""
    folder.mkdir()
    ours, foreign = Authority(), Authority()
    (folder / "ca.crt").write_bytes(ours.pem)
    for number in range(SERVERS):
        write_new(pair(folder, f"shard-{number}", *ours.issue("shard", SHARD, LOOPBACK)))
    for name, role in (("edge", EDGE), ("shard", SHARD)):
        write_new(pair(folder, name, *ours.issue(name, role, LOOPBACK)))
        write_new(pair(folder, f"expired-{name}", *ours.issue(name, role, LOOPBACK, days=-1)))
        write_new(pair(folder, f"foreign-{name}", *foreign.issue(name, role, LOOPBACK)))


class World:
    """Good servers, each a process, and one process with all kinds of bad ones.

    Args:
        folder: for certificates and ledgers.
        deadline: seconds that the edge waits for a server's part of a round.

    Attributes:
        good: addresses of three good servers.
        evil: address of each bad service by its class name.
        edge: asks them.
    """

    def __init__(self, folder: Path, deadline: float) -> None:
        self.folder = folder
        self.certs = folder / "certs"
        make_certificates(self.certs)
        names = [name for name in SERVICES if name not in ("Dies", "ShardService")]
        each = [["ShardService"]] * 3 + [names]
        self._keys = map("shard-{}".format, itertools.count())
        bad = ("expired-shard", "foreign-shard")
        commands = [self._command(*these) for these in each]
        commands += [[*self._command("ShardService"), "--cert", cert] for cert in bad]
        self.servers = ServerProcesses(commands, HOST, {"PYTHONPATH": str(ROOT)}, quiet=True)
        *self.good, host, expired, foreign = self.servers.addresses
        self.evil = dict(zip(names, host.split(","), strict=True))
        self.evil |= {"expired": expired, "foreign": foreign}
        patience = Patience(deadline=deadline, hello=deadline, tries=2, pause=0.05, rest=0.2)
        sam = build_sam("tiny", CHECKPOINT)
        self.edge = Edge(sam, skimage.data.coffee(), folder, self.tls("edge"), patience)

    def tls(self, name: str) -> Tls:
        """The certificate called ``name`` with our authority."""
        return Tls(self.certs / f"{name}.crt", self.certs / f"{name}.key", self.certs / "ca.crt")

    @contextmanager
    def one_more(self, *names: str) -> Iterator[ServerProcesses]:
        """A process of its own, to be killed or stopped."""
        env = {"PYTHONPATH": str(ROOT)}
        with ServerProcesses([self._command(*names)], HOST, env, quiet=True) as servers:
            yield servers

    def _command(self, *names: str) -> list[str]:
        """What starts these services, each with a key that no other has."""
        keys = itertools.islice(self._keys, len(names))
        files = ["--certs", str(self.certs), "--cert", *keys]
        return [*names, "--checkpoint", CHECKPOINT, *files]

    def signal(self, servers: ServerProcesses, number: int) -> None:
        """Send a signal to the first of these servers."""
        os.kill(servers.processes[0].pid, number)

    def with_good(self, *bad: str) -> Sequence[str]:
        """Three good servers and these."""
        return [*self.good, *bad]

    def close(self) -> None:
        """Stop every server that still runs."""
        self.servers.stop(grace=5)
