"""The faults, each played to the edge once; a new one is a function with ``@fault``."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from bench.latency.network.servers import ServerProcesses
from framework.exposure import Ledger
from tests.chaos.edge import Tally
from tests.chaos.intruders import MESSAGES, malformed, oversized, refused_clients
from tests.chaos.proxy import proxy
from tests.chaos.world import CHECKPOINT, ROOT, World

Fault = Callable[[World, int], Tally]
FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    """Add a fault; it gets the world and a number of requests."""

    def add(act: Fault) -> Fault:
        FAULTS[name] = act
        return act

    return add


def _among_good(service: str, **options: object) -> Fault:
    """One bad server beside three good ones."""

    def play(world: World, requests: int) -> Tally:
        return world.edge.ask(world.with_good(world.evil[service]), requests, **options)

    return play


@fault("none: three good servers, exact plans")
def undisturbed(world: World, requests: int) -> Tally:
    tally = Tally()
    for plan in ("interleaved", "prefix", "centralized", "local"):
        tally += world.edge.ask(world.good, requests, plan=plan)
    return tally


@fault("server killed before a round")
def killed_before(world: World, requests: int) -> Tally:
    with world.one_more("ShardService") as extra:
        world.signal(extra, signal.SIGKILL)
        extra.processes[0].wait()
        return world.edge.ask(world.with_good(*extra.addresses), requests)


@fault("server killed during a round")
def killed_during(world: World, requests: int) -> Tally:
    with world.one_more("Dies") as extra:
        return world.edge.ask(world.with_good(*extra.addresses), requests)


@fault("server killed after a round")
def killed_after(world: World, requests: int) -> Tally:
    with world.one_more("ShardService") as extra:
        kill = partial(_kill, world, extra)
        return world.edge.ask(world.with_good(*extra.addresses), requests, tap=kill)


@fault("every server killed after a round")
def all_killed(world: World, requests: int) -> Tally:
    with world.one_more("ShardService") as extra:
        kill = partial(_kill, world, extra)
        return world.edge.ask(extra.addresses, requests, tap=kill)


@fault("the same, and the edge may not compute")
def all_killed_fail(world: World, requests: int) -> Tally:
    with world.one_more("Dies") as extra:
        return world.edge.ask(extra.addresses, requests, fallback="fail", guard=None)


@fault("server hangs altogether (SIGSTOP)")
def stopped(world: World, requests: int) -> Tally:
    with world.one_more("ShardService") as extra:
        world.signal(extra, signal.SIGSTOP)
        return world.edge.ask(world.with_good(*extra.addresses), requests)


FAULTS["server hangs within a round (deadline)"] = _among_good("Hung")
FAULTS["server does not introduce itself"] = _among_good("Mute")
FAULTS["slow server"] = _among_good("Slow")


@fault("connection cut in the middle of a message")
def cut(world: World, requests: int) -> Tally:
    with proxy(world.good[2], cut_after=60_000) as wire:
        return world.edge.ask([*world.good[:2], wire.address], requests)


FAULTS["wrong weights"] = _among_good("WrongWeights")
FAULTS["wrong protocol version"] = _among_good("OldProtocol")
FAULTS["answers NaN"] = _among_good("Nan")
FAULTS["answers absurd values"] = _among_good("Huge")
FAULTS["answers a wrong shape"] = _among_good("WrongShape")
FAULTS["answers another window"] = _among_good("OtherWindow")
FAULTS["answers one window twice"] = _among_good("Twice")
FAULTS["answers too few windows"] = _among_good("Forgetful")
FAULTS["replays an old answer"] = _among_good("Replay")
FAULTS["answers in too large a message"] = _among_good("TooLarge")
FAULTS["answers in a larger message than asked for"] = _among_good("Bulky")
FAULTS["calls every request malformed"] = _among_good("Unwilling")
FAULTS["floods an image with rows"] = _among_good("Flood", plan="centralized", guard=None)
FAULTS["garbage in due form (all spot-checked)"] = _among_good("Garbage", spot_checks=1.0)
FAULTS["expired server certificate"] = _among_good("expired")
FAULTS["foreign server certificate"] = _among_good("foreign")


@fault("expired certificate of the edge")
def expired_edge(world: World, requests: int) -> Tally:
    return world.edge.ask(world.good, requests, tls=world.tls("expired-edge"))


@fault("foreign certificate of the edge")
def foreign_edge(world: World, requests: int) -> Tally:
    return world.edge.ask(world.good, requests, tls=world.tls("foreign-edge"))


@fault("client without, with an expired, a foreign, a server's certificate")
def strangers(world: World, requests: int) -> Tally:
    return refused_clients(world) + _still_serving(world, requests)


@fault("message too large for the server")
def too_large(world: World, requests: int) -> Tally:
    return oversized(world) + _still_serving(world, requests)


@fault(f"{MESSAGES} malformed messages (counted by call)")
def noise(world: World, requests: int) -> Tally:
    return malformed(world) + _still_serving(world, requests)


@fault("edge killed mid-request, then started again")
def edge_killed(world: World, requests: int) -> Tally:
    """The second edge goes on with the first one's ledger."""
    ledger, photo = world.folder / "killed.db", world.folder / "photo.png"
    Image.fromarray(world.edge.photo).save(photo)
    servers = world.with_good(world.evil["Slow"])
    command = [sys.executable, "-m", "tests.chaos.victim", str(photo), str(ledger)]
    command += [str(world.certs), CHECKPOINT, *servers]
    victim = subprocess.Popen(command, cwd=ROOT)
    while not _entries(ledger) and victim.poll() is None:
        time.sleep(0.01)
    victim.kill()
    killed = Tally(requests=1, errors=int(victim.wait() == -signal.SIGKILL))
    return killed + world.edge.ask(servers, requests, ledger=ledger)


def _kill(world: World, extra: ServerProcesses, message: object) -> None:
    """A tap: the first message of a round, recorded at its end, is the server's last."""
    if extra.processes[0].poll() is None:
        world.signal(extra, signal.SIGKILL)
        extra.processes[0].wait()


def _entries(path: Path) -> int:
    if not path.exists():
        return 0
    ledger = Ledger(path)
    count = ledger.last()
    ledger.close()
    return count


def _still_serving(world: World, requests: int) -> Tally:
    return world.edge.ask(world.good, requests, fallback="fail", guard=None)
