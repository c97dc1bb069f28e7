"""Outlines of objects, as polygons around the origin with about unit radius."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Corners (x, y), [k, 2]."""

POINTS = 96


def _angles(count: int = POINTS) -> NDArray[np.float64]:
    return np.linspace(0, 2 * np.pi, count, endpoint=False)


def _round(radius: NDArray[np.float64] | float, angles: NDArray[np.float64]) -> Points:
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _ellipse(rng: Generator) -> list[Points]:
    return [_round(1.0, _angles()) * [1.0, rng.uniform(0.35, 1.0)]]


def _superellipse(rng: Generator) -> list[Points]:
    power = 2 / rng.uniform(2.5, 7)
    unit = _round(1.0, _angles())
    return [np.sign(unit) * np.abs(unit) ** power * [1.0, rng.uniform(0.3, 1.0)]]


def _box(rng: Generator) -> list[Points]:
    corners = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    return [(corners + rng.uniform(-0.15, 0.15, (4, 2))) * [1.0, rng.uniform(0.25, 1.0)]]


def _polygon(rng: Generator) -> list[Points]:
    count = int(rng.integers(3, 9))
    angles = _angles(count) + rng.uniform(-0.3, 0.3, count)
    return [_round(rng.uniform(0.6, 1.1, count), angles)]


def _blob(rng: Generator) -> list[Points]:
    angles = _angles()
    radius = np.ones(POINTS)
    for wave in range(2, 7):
        radius += rng.normal(0, 0.45 / wave) * np.cos(wave * angles + rng.uniform(0, 6.3))
    return [_round(np.clip(radius, 0.25, 1.7), angles) * [1.0, rng.uniform(0.6, 1.0)]]


def _star(rng: Generator) -> list[Points]:
    """Petals or spikes."""
    arms = int(rng.integers(4, 9))
    wave = np.abs(np.cos(arms * _angles() / 2))
    return [_round(0.35 + 0.65 * wave ** rng.uniform(0.5, 3), _angles())]


def _from(origin: Points, dx: float, dy: float) -> Points:
    """The point at an offset from another one."""
    return np.array([origin[0] + dx, origin[1] + dy])


def _capsule(start: Points, end: Points, thickness: float) -> Points:
    along = end - start
    turn = np.arctan2(along[1], along[0]) + np.pi / 2
    half = np.linspace(0, np.pi, 16)
    return np.concatenate(
        [start + _round(thickness, half + turn), end + _round(thickness, half + turn + np.pi)]
    )


def _figure(rng: Generator) -> list[Points]:
    """A body with limbs and a head, upright: y grows downwards."""
    lean = rng.uniform(-0.25, 0.25)
    hip, neck = np.array([0.0, 0.15]), np.array([lean, -0.5])
    width = rng.uniform(0.16, 0.26)
    parts = [_capsule(hip, neck, width)]
    for side in (-1, 1):
        foot = np.array([side * rng.uniform(0.1, 0.45), 1.0])
        hand = _from(neck, side * rng.uniform(0.2, 0.75), rng.uniform(-0.5, 0.7))
        parts.append(_capsule(_from(hip, side * width * 0.5, 0), foot, width * 0.5))
        parts.append(_capsule(_from(neck, side * width * 0.6, 0.05), hand, width * 0.38))
    head = _from(neck, lean * 0.4, -0.32)
    return [*parts, _round(rng.uniform(0.16, 0.22), _angles(32)) * [0.85, 1.1] + head]


def _animal(rng: Generator) -> list[Points]:
    """A trunk on four legs with a neck, a head and a tail."""
    left, right = np.array([-0.55, 0.0]), np.array([0.5, rng.uniform(-0.1, 0.1)])
    girth = rng.uniform(0.22, 0.36)
    head = _from(right, rng.uniform(0.25, 0.5), -rng.uniform(0.2, 0.7))
    parts = [_capsule(left, right, girth), _capsule(right, head, girth * 0.5)]
    parts.append(_round(1.0, _angles(32)) * [girth * 0.8, girth * 0.55] + head)
    for x in (-0.6, -0.4, 0.35, 0.55):
        foot = np.array([x + rng.uniform(-0.12, 0.12), rng.uniform(0.75, 0.9)])
        parts.append(_capsule(np.array([x, 0.1]), foot, girth * 0.28))
    parts.append(_capsule(left, _from(left, -0.4, rng.uniform(-0.4, 0.3)), 0.05))
    return parts


def _plant(rng: Generator) -> list[Points]:
    """A stem or trunk under a crown of overlapping blobs."""
    crown = [
        _blob(rng)[0] * rng.uniform(0.3, 0.5) + rng.normal(0, 0.28, 2) + [0.0, -0.4]
        for _ in range(int(rng.integers(3, 8)))
    ]
    foot = np.array([rng.uniform(-0.1, 0.1), 1.0])
    return [_capsule(np.array([0.0, -0.3]), foot, rng.uniform(0.05, 0.14)), *crown]


def _vessel(rng: Generator) -> list[Points]:
    """A turned body: vase, bottle, lamp."""
    y = np.linspace(-1, 1, 24)
    knots = np.linspace(-1, 1, 6)
    profile = np.interp(y, knots, rng.uniform(0.12, 0.6, 6))
    side = cv2.GaussianBlur(profile.reshape(-1, 1), (1, 5), 0).ravel()
    return [np.concatenate([np.stack([side, y], 1), np.stack([-side, y], 1)[::-1]])]


UPRIGHT: tuple[Callable[[Generator], list[Points]], ...] = (_figure, _animal, _plant, _vessel)
FREE: tuple[Callable[[Generator], list[Points]], ...] = (
    _ellipse,
    _superellipse,
    _box,
    _polygon,
    _blob,
    _star,
)


def outline(rng: Generator) -> list[Points]:
    """One object: parts whose union it is."""
    if rng.random() < 0.45:
        parts = UPRIGHT[rng.integers(len(UPRIGHT))](rng)
        angle = rng.normal(0, 0.12)
    else:
        parts = FREE[rng.integers(len(FREE))](rng)
        angle = rng.uniform(0, 2 * np.pi)
    flip = rng.choice([-1.0, 1.0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return [(part * [flip, 1.0]) @ turn for part in parts]


def draw(parts: list[Points], h: int, w: int) -> NDArray[np.float32]:
    """Coverage 0..1 of the union of polygons given in pixels, [h, w], with smooth edges."""
    canvas = np.zeros((h, w), dtype=np.uint8)
    for part in parts:
        corners = np.round(part * 16).astype(np.int32)
        cv2.fillPoly(canvas, [corners], 255, lineType=cv2.LINE_AA, shift=4)
    return canvas * np.float32(1 / 255)
