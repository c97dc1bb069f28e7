"""Printed words: signs, labels, plates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_LIST = """
open closed exit enter push pull stop slow danger private parking station airport hotel
coffee bakery pharmacy hospital school library market museum theatre police office bank
ticket platform street avenue bridge garden river harbour north south east west monday
friday sunday january april october total cash account patient doctor invoice address
signature secret number customer order delivery fragile summer winter fresh organic bread
milk apple orange pepper salt sugar water juice sale free price today now welcome please
thank you no smoking quiet keep left right level floor room gate desk model engine bicycle
camera radio paper pencil window kitchen silver golden blue green red black white little
great old new first second third final
"""
VOCABULARY = tuple(_LIST.split())


@dataclass(frozen=True)
class Word:
    """A word that can be read in a scene.

    Attributes:
        text: as printed.
        box: x0, y0, x1, y1 in pixels, the upper ends excluded.
    """

    text: str
    box: tuple[int, int, int, int]


def draw_word(rng: Generator) -> str:
    """A word, a number, a price, a time or a plate, in some case."""
    kind = rng.random()
    if kind < 0.1:
        return str(rng.integers(1, 10000))
    if kind < 0.15:
        return f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}"
    if kind < 0.2:
        return f"{rng.integers(1, 99)}.{rng.integers(0, 100):02d}"
    if kind < 0.27:
        letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ"), 3))
        return f"{letters}{rng.integers(100, 1000)}"
    word = str(rng.choice(VOCABULARY))
    return (word, word.upper(), word.capitalize())[rng.integers(3)]


def typeset(
    lines: list[list[str]], height: float, width: float
) -> tuple[NDArray[np.float32], list[Word]]:
    """Set lines of words as large as fits, centred.

    Args:
        lines: words of each line.
        height: of the space, pixels.
        width: of the space, pixels.

    Returns:
        coverage 0..1, [int(height), int(width)], and the words with boxes in it.
    """
    longest = max(len(" ".join(line)) for line in lines)
    size = max(7.0, min(height / (1.2 * len(lines)), width / (0.58 * longest)))
    font = ImageFont.load_default(size)
    canvas = Image.new("L", (max(int(width), 1), max(int(height), 1)))
    pen = ImageDraw.Draw(canvas)
    words = []
    top = (height - 1.2 * size * len(lines)) / 2
    for line in lines:
        left = (width - pen.textlength(" ".join(line), font=font)) / 2
        for text in line:
            pen.text((left, top), text, fill=255, font=font)
            x0, y0, x1, y1 = pen.textbbox((left, top), text, font=font)
            words.append(Word(text, (int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1)))))
            left += pen.textlength(text + " ", font=font)
        top += 1.2 * size
    return np.asarray(canvas) * np.float32(1 / 255), words
