"""A bad server beside good ones: the mask is right or the error clear, and no cap is exceeded.

`python -m tests.chaos` plays many more, all of them to processes with mutual TLS.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.latency.network.servers import ServerProcesses
from framework import DistributedSamPredictor, GrpcShards
from framework.transport.grpc.server.service import ShardService
from framework.transport.patience import Patience
from tests.chaos import evil
from tests.chaos.edge import Edge, Tally
from tests.chaos.proxy import proxy
from tests.framework.servers import serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PATIENCE = Patience(deadline=1.5, hello=5, tries=2, pause=0.02, rest=0.0)
BAD = (
    evil.Nan,
    evil.Huge,
    evil.WrongShape,
    evil.OtherWindow,
    evil.Twice,
    evil.Forgetful,
    evil.Replay,
    evil.TooLarge,
    evil.Garbage,
    evil.Slow,
    evil.Hung,
    evil.Unwilling,
    evil.Bulky,
)


@pytest.fixture(scope="module")
def edge(sam, photos, tmp_path_factory) -> Edge:
    return Edge(sam, photos["landscape"], tmp_path_factory.mktemp("ledgers"), None, PATIENCE)


@pytest.fixture(scope="module")
def servers(sam) -> Iterator[dict[str, str]]:
    """Addresses of two good servers and of every bad one."""
    with serving(sam, ShardService, ShardService, *BAD) as addresses:
        names = ["one", "two", *(service.__name__ for service in BAD)]
        yield dict(zip(names, addresses, strict=True))


def all_right(tally: Tally) -> None:
    assert tally.right == tally.requests > 0, tally.messages
    assert tally.exceeded == 0


@pytest.mark.parametrize("name", [service.__name__ for service in BAD])
def test_a_bad_server_does_no_harm(edge, servers, name):
    checks = 1.0 if name == "Garbage" else 0.0
    addresses = [servers["one"], servers["two"], servers[name]]
    all_right(edge.ask(addresses, spot_checks=checks))


@pytest.mark.parametrize("name", ["Nan", "Replay", "Garbage"])
def test_a_lying_server_is_not_asked_again(sam, photos, servers, name):
    spot_checks = 1.0 if name == "Garbage" else 0.0
    addresses = [servers["one"], servers[name]]
    with GrpcShards(addresses, patience=PATIENCE, spot_checks=spot_checks) as shards:
        predictor = DistributedSamPredictor(sam, shards, plan="prefix")
        for _ in range(2):
            predictor.set_image(photos["odd"])
        assert list(shards.quarantined) == [1]
        predictor.set_image(photos["odd"])
        assert {message.shard for message in predictor.encoder.last.messages} == {0}


def test_without_good_servers_the_edge_computes_or_says_so(edge, servers):
    all_right(edge.ask([servers["Nan"], servers["WrongShape"]]))
    tally = edge.ask([servers["Nan"]], fallback="fail")
    assert (tally.errors, tally.exceeded) == (1, 0)


def test_a_connection_cut_in_the_middle_of_a_message(edge, servers):
    with proxy(servers["two"], cut_after=60_000) as wire:
        all_right(edge.ask([servers["one"], wire.address]))
        assert wire.cuts


@pytest.fixture(scope="module")
def process() -> Iterator[ServerProcesses]:
    """A process with a good server, and one that kills the process after its first answer."""
    main = (sys.executable, "-m", "tests.chaos.host")
    env = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    arguments = ["ShardService", "Dies", "--checkpoint", "random"]
    with ServerProcesses([arguments], main, env, quiet=True) as started:
        yield started


def test_a_process_stops_and_comes_back_and_is_killed_in_a_round(sam, edge, servers, process):
    good, dies = process.addresses[0].split(",")
    pid = process.processes[0].pid
    os.kill(pid, signal.SIGSTOP)
    all_right(edge.ask([servers["one"], good], patience=replace(PATIENCE, deadline=1, hello=1)))
    os.kill(pid, signal.SIGCONT)
    with GrpcShards([servers["one"], good], patience=PATIENCE, fallback="fail") as shards:
        predictor = DistributedSamPredictor(sam, shards)
        predictor.set_image(edge.photo)
        assert {message.shard for message in predictor.encoder.last.messages} == {0, 1}
    for _ in range(2):
        all_right(edge.ask([servers["one"], servers["two"], dies]))
        assert process.processes[0].wait(30) == -signal.SIGKILL
