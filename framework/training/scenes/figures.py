"""Figures: person-like shapes of head, hair, trunk and limbs, each part filled from a photo.

People are what privacy is about, and the training photos hold few of them. A figure need not look
like a person; it teaches that differently coloured parts, stacked as a body stacks them, are one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.training.scenes.texture import shade, texture
from framework.training.scenes.types import Image, Photo

SKIN = ((244, 208, 177), (231, 180, 143), (198, 134, 94), (141, 85, 54), (88, 56, 39))
"""Skin colours from light to dark, RGB."""
HAIR = ((25, 20, 18), (60, 40, 26), (106, 72, 42), (180, 140, 90), (150, 145, 140))

Points = NDArray[np.floating]
Range = tuple[float, float]


def figure(photos: Sequence[Photo], side: int, rng: np.random.Generator) -> tuple[Image, Image]:
    """A figure, seen whole or from near, in a square of ``side`` px.

    Returns:
        Its colours, uint8 [side, side, 3], and its opacity, uint8 [side, side].
    """
    canvas = _Canvas(side)
    far = rng.random() < 0.5
    head = rng.uniform(0.055, 0.085) if far else rng.uniform(0.12, 0.2)
    centre = np.array([rng.uniform(0.35, 0.65), 0.04 + 1.3 * head])
    body = _Body(centre[0], head, centre[1] + 1.15 * head, rng)
    tint = SKIN[rng.integers(len(SKIN))]
    skin = _grained(tint, photos, side, rng)
    hair = _grained(HAIR[rng.integers(len(HAIR))], photos, side, rng)
    shirt, trousers = texture(photos, side, rng), texture(photos, side, rng)
    sleeve = shirt if rng.random() < 0.5 else skin
    for turn in (-1, 1):
        canvas.limb(body.leg(turn), 0.5 * head, trousers)
    canvas.trunk(body.trunk(), shirt)
    for turn in (-1, 1):
        arm = body.arm(turn)
        canvas.limb(arm, 0.36 * head, sleeve)
        canvas.ellipse(arm[-1], (0.3 * head, 0.35 * head), skin)
    canvas.ellipse(_moved(centre, 0, 1.15 * head), (0.45 * head, 0.6 * head), skin)
    canvas.ellipse(_moved(centre, 0, -0.22 * head), (0.95 * head, 1.15 * head), hair)
    if rng.random() < 0.35:
        length = rng.uniform(1.3, 2.0) * head
        canvas.ellipse(_moved(centre, 0, 0.3 * head), (0.95 * head, length), hair)
    canvas.ellipse(_moved(centre, 0, 0.12 * head), (0.74 * head, head), skin)
    lit = canvas.colours * shade(side, rng)
    return np.clip(lit, 0, 255).astype(np.uint8), canvas.opacity


class _Canvas:
    """Parts painted over one another; places and lengths are shares of the side."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.colours: NDArray[np.floating] = np.zeros((side, side, 3), np.float32)
        self.opacity = np.zeros((side, side), np.uint8)

    def limb(self, joints: Points, width: float, fill: Points) -> None:
        """A bent line through ``joints`` [n, 2]."""
        part = np.zeros_like(self.opacity)
        thickness = max(1, round(width * self.side))
        cv2.polylines(part, [self._pixels(joints)], False, 255, thickness, cv2.LINE_AA)
        self._paint(part, fill)

    def trunk(self, corners: Points, fill: Points) -> None:
        """A polygon with rounded corners [n, 2]."""
        part = np.zeros_like(self.opacity)
        cv2.fillPoly(part, [self._pixels(corners)], 255, cv2.LINE_AA)
        reach = 2 * max(1, round(0.03 * self.side)) + 1
        blurred = np.asarray(cv2.GaussianBlur(part, (reach, reach), 0)).astype(int)
        self._paint(np.clip(4 * (blurred - 96), 0, 255).astype(np.uint8), fill)

    def ellipse(self, centre: Points, radii: tuple[float, float], fill: Points) -> None:
        """An upright ellipse."""
        part = np.zeros_like(self.opacity)
        column, row = (round(float(c) * self.side) for c in centre)
        axes = (max(1, round(radii[0] * self.side)), max(1, round(radii[1] * self.side)))
        cv2.ellipse(part, (column, row), axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
        self._paint(part, fill)

    def _pixels(self, points: Points) -> NDArray[np.int32]:
        return np.round(points * self.side).astype(np.int32)

    def _paint(self, part: Image, fill: Points) -> None:
        weight = part[..., None].astype(np.float32) / 255
        self.colours = weight * fill + (1 - weight) * self.colours
        self.opacity = np.maximum(self.opacity, part)


class _Body:
    """Where trunk and limbs are; the head's half width is the unit of length.

    Args:
        x: the middle.
        head: half the head's width.
        neck: the row at which the trunk begins.
    """

    def __init__(self, x: float, head: float, neck: float, rng: np.random.Generator) -> None:
        self.x, self.head, self.neck, self.rng = x, head, neck, rng
        self.shoulders = head * rng.uniform(1.5, 2.4)
        self.hips = self.shoulders * rng.uniform(0.6, 1.0)
        self.waist = neck + head * rng.uniform(2.8, 4.0)

    def trunk(self) -> Points:
        """Six corners [6, 2] from the neck round to the other shoulder."""
        lower = self.neck + 0.25 * self.shoulders
        right = [(0.35 * self.shoulders, self.neck), (self.shoulders, lower)]
        right.append((self.hips, self.waist))
        left = [(-x, y) for x, y in reversed(right)]
        return _moved(np.array([*right, *left]), self.x, 0.0)

    def leg(self, turn: int) -> Points:
        """Hip, knee and foot [3, 2] of one side, -1 or 1."""
        hip = np.array([self.x + 0.5 * turn * self.hips, self.waist - 0.2 * self.head])
        knee = self._from(hip, turn, (-0.2, 0.9), (1.4, 2.2))
        return np.array([hip, knee, self._from(knee, 1, (-0.8, 0.8), (2.0, 2.0))])

    def arm(self, turn: int) -> Points:
        """Shoulder, elbow and hand [3, 2] of one side, -1 or 1."""
        x = self.x + 0.85 * turn * self.shoulders
        shoulder = np.array([x, self.neck + 0.35 * self.shoulders])
        elbow = self._from(shoulder, turn, (-0.1, 1.3), (-0.3, 1.5))
        return np.array([shoulder, elbow, self._from(elbow, turn, (-1.4, 1.0), (-1.2, 1.4))])

    def _from(self, point: Points, turn: int, right: Range, down: Range) -> Points:
        x, y = self.rng.uniform(*right), self.rng.uniform(*down)
        return _moved(point, turn * x * self.head, y * self.head)


def _grained(
    colour: tuple[int, int, int], photos: Sequence[Photo], side: int, rng: np.random.Generator
) -> Points:
    """A colour with a little of a photo's texture: float32 [side, side, 3]."""
    grain = texture(photos, side, rng)
    return np.array(colour, np.float32) + 0.25 * (grain - grain.mean(axis=(0, 1)))


def _moved(point: Points, right: float, down: float) -> Points:
    return point + np.array([right, down])
