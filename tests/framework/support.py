"""Small helpers of the framework's tests."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from framework import PedbenchError
from framework.split.payload import Payload, encode_tokens
from framework.transport.base import Round, Shards


def message_of(act: Callable[[], object]) -> str:
    """The text of the `PedbenchError` that ``act`` raises; it must fit on one line."""
    with pytest.raises(PedbenchError) as caught:
        act()
    text = str(caught.value)
    assert text
    assert "\n" not in text
    return text


def frame_of(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Noise of the given size."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


class NoFloat64(TorchDispatchMode):
    """Within it no operation may take or give float64: a stand-in for Apple's GPU."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        found = operation(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, found)):
            if isinstance(value, torch.Tensor) and value.dtype == torch.float64:
                raise TypeError(f"{operation} has no float64 here")
        return found


class EchoShards(Shards):
    """Servers that compute nothing: tokens come back encoded anew."""

    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        return {w: encode_tokens(payload.decode(), round_.codec) for w, payload in windows.items()}

    def _encode_image(self, round_: Round, shard: int, payloads: Sequence[Payload]) -> Payload:
        raise NotImplementedError


class BrokenShards(EchoShards):
    """Servers that fail in one round, after everything was sent."""

    def __init__(self, count: int, broken_round: int) -> None:
        super().__init__(count)
        self.broken_round = broken_round

    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        if round_.index == self.broken_round:
            raise PedbenchError("shard 2 is unreachable: start it again")
        return super()._serve(round_, shard, windows)

    def _encode_image(self, round_: Round, shard: int, payloads: Sequence[Payload]) -> Payload:
        raise PedbenchError("server 0 is unreachable: start it again")


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Within it no file can grow beyond ``size`` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
