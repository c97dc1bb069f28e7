"""Simulated servers that fail on demand, and an account of what they saw that trusts nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import lru_cache
from itertools import combinations
from random import Random
from threading import Lock
from types import SimpleNamespace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framework import PedbenchError
from framework.exposure import Caps, Guard, Ledger, Protected, View
from framework.split.payload import Payload, encode_tokens
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid
from framework.transport.base import HOME, Round, Shards
from framework.transport.exchange import InTurn
from framework.transport.faults import BadAnswer, ShardRefused, ShardUnavailable
from framework.transport.serve import serve_image, serve_windows

WIDTH = 4
SIDE, PATCH, WINDOW = 12, 2, 2
FAULTS = ("unavailable", "bad", "nan", "other window", "missing", "shape", "codec")
FATAL = ("refused", "bug")


class FakeStage:
    """Doubles tokens and adds one; needs no model."""

    width = image_width = WIDTH
    dtype = torch.float32

    def __init__(self) -> None:
        runtime = SimpleNamespace(
            maps=lambda blocks, tokens: tokens * 2 + 1,
            neck=lambda tokens: tokens.permute(0, 3, 1, 2),
        )
        self.sam = SimpleNamespace(device=torch.device("cpu"), runtime=runtime)

    def run(self, blocks: Sequence[int], windows: Sequence[Tensor]) -> list[Tensor]:
        return [window * 2 + 1 for window in windows]


class CapExceeded(AssertionError):
    """A server or a coalition saw more than was allowed."""


class Account:
    """What every server really saw of a scene, in plain bitmaps, checked at each arrival."""

    def __init__(self, size: tuple[int, int], count: int, caps: Caps) -> None:
        self.seen = np.zeros((count, *size), dtype=bool)
        self.caps = caps
        self.lock = Lock()

    def arrive(self, round_: Round, shard: int, windows: Sequence[int]) -> None:
        """Windows reach a server.

        Raises:
            CapExceeded: that is more than a cap allows.
        """
        with self.lock:
            before = self.seen.copy()
            for window in windows:
                y0, x0, y1, x1 = round_.view.box(round_.grid, round_.grid.windows[window])
                self.seen[shard, y0:y1, x0:x1] = True
            if (self.seen != before).any():
                self.check()

    def check(self) -> None:
        """Compare with every cap, each coalition by itself."""
        count, pixels = len(self.seen), self.seen[0].size
        if self.seen.sum(axis=(1, 2)).max() > self.caps.per_server * pixels + 1e-6:
            raise CapExceeded("a server")
        if self.caps.coalition is not None:
            size, fraction = self.caps.coalition
            for group in combinations(range(count), min(size, count)):
                if self.seen[list(group)].any(axis=0).sum() > fraction * pixels + 1e-6:
                    raise CapExceeded(f"coalition {group}")
        for protected in self.caps.protected:
            mask = protected.mask(self.seen.shape[1:])
            if (self.seen.any(axis=0) & mask).sum() > protected.fraction * mask.sum() + 1e-6:
                raise CapExceeded("a protected region")


class SimulatedShards(Shards):
    """Servers that draw a fault for each call."""

    def __init__(self, account: Account, rng: Random, fault_rate: float, **options) -> None:
        super().__init__(len(account.seen), **options)
        self.stage = FakeStage()
        self.account = account
        self.rng = rng
        self.fault_rate = fault_rate
        self.threads = False

    def pool(self) -> Executor:
        return super().pool() if self.threads else InTurn()

    def _draw(self, round_: Round, shard: int, windows: Sequence[int]) -> str | None:
        self.account.arrive(round_, shard, windows)
        if self.rng.random() >= self.fault_rate:
            return None
        fault = self.rng.choice(FAULTS * 4 + FATAL)
        if fault == "unavailable":
            raise ShardUnavailable(shard, "it is gone")
        if fault == "bad":
            raise BadAnswer(shard, "it answered an old request")
        if fault == "refused":
            raise ShardRefused(shard, "it holds other weights")
        if fault == "bug":
            raise PedbenchError("a fault that nobody foresaw")
        return fault

    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        fault = self._draw(round_, shard, list(windows))
        answers = serve_windows(self.stage, round_, windows)
        window = next(iter(answers))
        if fault == "other window":
            answers[len(round_.grid.windows)] = answers.pop(window)
        elif fault == "missing":
            del answers[window]
        elif fault:
            answers[window] = spoilt(answers[window], fault)
        return answers

    def _encode_image(self, round_: Round, shard: int, payloads: Sequence[Payload]) -> Payload:
        fault = self._draw(round_, shard, range(len(payloads)))
        answer = serve_image(self.stage, round_, payloads)
        return spoilt(answer, fault) if fault else answer


def spoilt(answer: Payload, fault: str) -> Payload:
    """An answer with one thing wrong."""
    data = answer.data.copy()
    if fault == "nan":
        data[-1, -1, -1] = np.nan
        return Payload(answer.codec, data)
    if fault == "codec":
        return Payload("float16", data.astype(np.float16))
    return Payload(answer.codec, data[..., :-1])


def round_of(view: View, number: int = 0, index: int = 0, session: str = "s") -> Round:
    """A round of a picture that lies at ``view``."""
    scale = SIDE / max(view.size)
    frame = (max(1, round(view.size[0] * scale)), max(1, round(view.size[1] * scale)))
    return Round(grid_of(frame), index, number, (0,), "float32", session, view)


@lru_cache
def grid_of(frame: tuple[int, int]) -> WindowGrid:
    """3 by 3 windows of 2 by 2 tokens."""
    return WindowGrid(SIDE, PATCH, WINDOW, frame)


def payloads_of(grid: WindowGrid, value: float) -> list[Payload]:
    """Tokens that tell windows apart."""
    return [
        encode_tokens(np.full((w.height, w.width, WIDTH), value + w.index, np.float32), "float32")
        for w in grid.windows
    ]


def tokens_of(payloads: Sequence[Payload]) -> list[NDArray[np.float32]]:
    return [payload.decode() for payload in payloads]


def draw_caps(rng: Random, size: tuple[int, int], count: int) -> Caps:
    """Random limits, some tight, some none."""
    height, width = size
    protected = []
    if rng.random() < 0.4:
        y0, x0 = rng.randrange(height - 2), rng.randrange(width - 2)
        box = (x0, y0, rng.randint(x0 + 1, width), rng.randint(y0 + 1, height))
        protected.append(Protected(box, rng.choice((0.0, 0.0, 0.3, 0.7))))
    coalition = (rng.randint(1, count), rng.random()) if rng.random() < 0.6 else None
    return Caps(rng.choice((1.0, rng.random())), coalition, protected)


def draw_view(rng: Random, scene: str, size: tuple[int, int]) -> View:
    """The scene or a crop of it."""
    if rng.random() < 0.4:
        return View(scene, size, (0, 0), size)
    height, width = rng.randint(4, size[0]), rng.randint(4, size[1])
    origin = (rng.randint(0, size[0] - height), rng.randint(0, size[1] - width))
    return View(scene, size, origin, (height, width))


def run_schedule(seed: int, ledger: Ledger, guard_of=Guard, threads: bool = False) -> str:
    """Some pictures of one scene through the real orchestrator, under random faults and caps.

    Args:
        seed: of everything, and the scene's name.
        ledger: may hold other schedules' scenes.

    Returns:
        How it ended.

    Raises:
        CapExceeded: at the moment at which a server receives too much.
        AssertionError: a result is wrong.
    """
    rng = Random(seed)
    size = (rng.randint(8, 20), rng.randint(8, 20))
    count = rng.randint(1, 5)
    caps = draw_caps(rng, size, count)
    shards = SimulatedShards(
        Account(size, count, caps),
        rng,
        rng.choice((0.0, 0.2, 0.6)),
        guard=guard_of(ledger, caps),
        fallback=rng.choice(("edge", "edge", "fail")),
        retries=rng.randrange(3),
        spot_checks=rng.choice((0.0, 0.5)),
    )
    shards.threads = threads
    for_some = ("one_per_shard", "sensitive_local")
    name = rng.choice([name for name in POLICIES.names() if name not in for_some])
    policy = POLICIES.get(name)(seed)
    try:
        for number in range(rng.choice((1, 1, 2, 3))):
            if rng.random() < 0.3:
                shards.guard = guard_of(ledger, caps)
                shards.quarantined.clear()
            picture(shards, policy, draw_view(rng, f"scene {seed}", size), number, rng)
    except CapExceeded:
        raise
    except PedbenchError:
        return "failed"
    return "done"


def picture(shards: Shards, policy, view: View, number: int, rng: Random) -> None:
    """One request: a whole frame to one server, or two rounds of windows."""
    round_ = round_of(view, number)
    payloads = payloads_of(round_.grid, float(number))
    if rng.random() < 0.15:
        shards.encode_image(round_, payloads)
        return
    owners = list(policy.assign(round_.grid, shards.count, number))
    for window in rng.sample(range(len(owners)), 2):
        owners[window] = HOME
    for index in range(2):
        found = shards.exchange(round_of(view, number, index), owners, payloads)
        for before, after in zip(tokens_of(payloads), tokens_of(found), strict=True):
            assert np.array_equal(after, before * 2 + 1)
        payloads = found
