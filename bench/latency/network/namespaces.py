"""Hosts on one machine: network namespaces, a bridge between them, and a link to the edge."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

from bench.latency.network.hosts import Host, Network
from bench.latency.network.links import DIRECT, LINKS, Link
from bench.latency.network.relay import Relay
from framework.errors import one_line

PREFIX = "pedbench"
SUBNET = "10.77.0."
PORT = 50051
PACKETS = 10_000
"""Length of netem's queue: long enough that nothing is lost."""

NETEM, RELAY = "tc netem", "a relay of packets in user space (this kernel has no netem)"
_numbers = count()


class NoNamespaces(Exception):
    """The system refuses; the text says what."""


class Namespaces(Network):
    """The edge in one namespace, each server in its own, a bridge in another one between them.

    The link is the edge's cable to the bridge: delay and bandwidth hold in each direction, for all
    servers together. Servers among themselves have no limit, and no way out of the machine.

    Args:
        servers: how many.
        relay: impose links by `Relay` instead of netem; by default only where netem is missing.

    Raises:
        NoNamespaces, OSError: there is no right to make them, or the kernel lacks a part.
    """

    def __init__(self, servers: int, relay: bool | None = None) -> None:
        remove_stale()
        stem = f"{PREFIX}-{os.getpid()}-{next(_numbers)}-"
        self.middle = stem + "net"
        self.near = stem + "edge"
        self.names = [self.middle, self.near, *(f"{stem}shard-{i}" for i in range(servers))]
        self.edge = Host(_enter(self.near), f"{SUBNET}1:0")
        self.servers = [
            Host(_enter(name), f"{SUBNET}{number}:{PORT}")
            for number, name in enumerate(self.names[2:], start=2)
        ]
        self.relay: Relay | None = None
        try:
            self._build()
            if not relay and self._has_netem():
                self.emulation = NETEM
            elif relay is not False:
                self._build_relay()
        except BaseException:
            self.close()
            raise

    def use(self, link: Link) -> None:
        """Put a link between edge and bridge; open connections go on."""
        if self.relay is not None:
            self._plug("veth" if link == DIRECT else "tap")
            self.relay.use(link)
            return
        for name in (self.near, self.middle):
            _tc(name, "del", check=False)
            if link != DIRECT:
                delay, rate = f"{link.delay_ms:g}ms", f"{link.mbps * 1000:.0f}kbit"
                _tc(name, "replace", "netem", "delay", delay, "rate", rate, "limit", str(PACKETS))

    def close(self) -> None:
        """Remove the namespaces, and with them all that is in them."""
        if self.relay is not None:
            self.relay.close()
            self.relay = None
        for name in self.names:
            _run("ip", "netns", "del", name, check=False)

    def _build(self) -> None:
        for name in self.names:
            _run("ip", "netns", "add", name)
            _ip(name, "link", "set", "lo", "up")
        for name in (self.middle, self.near):
            _ip(name, "link", "add", "bridge", "type", "bridge")
            _ip(name, "link", "set", "bridge", "up")
        self._cable(self.near, "veth", "veth")
        _ip(self.near, "link", "set", "veth", "master", "bridge")
        for name, host in zip(self.names[2:], self.servers, strict=True):
            self._cable(name, "eth0", name.removeprefix(self.names[0][:-3]))
            _ip(name, "addr", "add", f"{host.bind.rpartition(':')[0]}/24", "dev", "eth0")
        _ip(self.near, "addr", "add", f"{SUBNET}1/24", "dev", "bridge")

    def _cable(self, name: str, device: str, port: str) -> None:
        """A cable from a namespace's device to a port of the bridge in the middle."""
        peer = ("peer", "name", device, "netns", name)
        _ip(self.middle, "link", "add", port, "type", "veth", *peer)
        _ip(self.middle, "link", "set", port, "master", "bridge", "up")
        _ip(name, "link", "set", device, "up")

    def _has_netem(self) -> bool:
        with suppress(NoNamespaces):
            _tc(self.near, "replace", "netem", "delay", "1ms")
            _tc(self.near, "del")
            return True
        return False

    def _build_relay(self) -> None:
        self.relay = Relay(self.near, self.middle)
        for name in (self.near, self.middle):
            _ip(name, "link", "set", "tap", "master", "bridge")
        self._plug("veth")
        self.emulation = RELAY

    def _plug(self, device: str) -> None:
        """Use one of the two cables; with both, packets would run in circles."""
        other = {"veth": "tap", "tap": "veth"}[device]
        for state, cable in (("down", other), ("up", device)):
            for name in (self.near, self.middle):
                _ip(name, "link", "set", cable, state)


@cache
def obstacle() -> str:
    """What stands in the way of links between namespaces on this machine; empty if nothing."""
    if not sys.platform.startswith("linux"):
        return "network namespaces need Linux"
    if not (shutil.which("ip") and shutil.which("tc")):
        return "the commands ip and tc (iproute2) are missing"
    try:
        with Namespaces(1) as network:
            network.use(LINKS["wan"])
    except (OSError, NoNamespaces) as error:
        return one_line(error)
    return ""


def remove_stale() -> None:
    """Remove namespaces of runs that were killed, and end the servers left in them."""
    folder = Path("/run/netns")
    for path in folder.glob(f"{PREFIX}-*") if folder.is_dir() else ():
        found = re.match(rf"{PREFIX}-(\d+)-", path.name)
        if found and not Path("/proc", found[1]).exists():
            for pid in _run("ip", "netns", "pids", path.name, check=False).split():
                with suppress(OSError):
                    os.kill(int(pid), signal.SIGKILL)
            _run("ip", "netns", "del", path.name, check=False)


def _enter(name: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", name)


def _ip(name: str, *arguments: str) -> None:
    _run("ip", "-n", name, *arguments)


def _tc(name: str, action: str, *arguments: str, check: bool = True) -> None:
    _run("tc", "-n", name, "qdisc", action, "dev", "veth", "root", *arguments, check=check)


def _run(*command: str, check: bool = True) -> str:
    """What a command prints; out of reach of Ctrl-C, so that cleaning up goes to its end."""
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=True)
    if check and done.returncode:
        reason = one_line(Exception(done.stderr))
        raise NoNamespaces(f"'{' '.join(command)}' says: {reason}")
    return done.stdout
