"""Shards of which one answers with tokens of its own making."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.split.payload import Payload, encode_tokens
from framework.transport.base import SeparateShards
from framework.transport.round import Round

Crafted = Mapping[int, NDArray[np.float32]]
"""Window → tokens [height, width, channels]."""


class CraftingShards(SeparateShards):
    """Shards in this process, one of them malicious.

    Args:
        count, options: as in `Shards`.
        malicious: the number of that shard.
        crafted: what it answers, by round and window; where there is nothing, the honest result.
    """

    def __init__(
        self, count: int, malicious: int, crafted: Mapping[int, Crafted], **options: Any
    ) -> None:
        super().__init__(count, **options)
        self.malicious = malicious
        self.crafted = crafted

    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        answers = super()._serve(round_, shard, windows)
        if shard == self.malicious:
            for window, tokens in self.crafted.get(round_.index, {}).items():
                if window in answers:
                    answers[window] = encode_tokens(tokens, round_.codec)
        return answers
