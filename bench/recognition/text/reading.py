"""How much of a known word stands in what was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.metrics.base import Score
from bench.recognition.boxes import Boxes, areas, intersections

OVERLAP = 0.3
"""A line of text may hold a word when it covers this share of the word's box."""


@dataclass(frozen=True, eq=False)
class Text:
    """Pieces of text and where they stand.

    Attributes:
        pieces: n words or lines.
        boxes: float32 [n, 4], x0, y0, x1, y1 in pixels of the frame.
    """

    pieces: tuple[str, ...]
    boxes: Boxes


def characters_read(word: str, line: str) -> int:
    """How many characters of ``word`` stand in the passage of ``line`` that comes nearest to it.

    The length of the word less its edit distance to that passage, at least 0. Spaces and case
    do not count.
    """
    want, have = plain(word), plain(line)
    before = [0] * (len(have) + 1)  # a passage may begin anywhere
    for row, letter in enumerate(want, 1):
        now = [row]
        for column, other in enumerate(have, 1):
            step = before[column - 1] + (letter != other)
            now.append(min(step, before[column] + 1, now[column - 1] + 1))
        before = now
    return max(0, len(want) - min(before))


def plain(text: str) -> str:
    """Text without spaces and case."""
    return "".join(text.split()).casefold()


def recall(truth: Text, read: Text) -> tuple[Score, Score]:
    """The shares of the true words' characters, and of whole words, that were read in their place.

    Returns:
        Both in [0, 1]; None where there are no words. A word without characters is none.
    """
    cover = intersections(truth.boxes, read.boxes) / np.maximum(areas(truth.boxes), 1)[:, None]
    lengths = [len(plain(word)) for word in truth.pieces]
    best = [
        max((characters_read(word, read.pieces[i]) for i in _covering(row)), default=0)
        for word, row in zip(truth.pieces, cover, strict=True)
    ]
    if not sum(lengths):
        return None, None
    whole = [read == length for read, length in zip(best, lengths, strict=True) if length]
    return sum(best) / sum(lengths), float(np.mean(whole))


def _covering(row: np.ndarray) -> Sequence[int]:
    return [int(i) for i in np.flatnonzero(row >= OVERLAP)]
