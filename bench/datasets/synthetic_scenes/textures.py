"""Surfaces: scalar fields in 0..1 over pixels, coloured through a palette."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Field = NDArray[np.float32]
Picture = NDArray[np.float32]
"""RGB in 0..1, [h, w, 3]."""

MAX_BEND = 1.5
"""A distortion moves a pattern by up to this many of its periods."""


def octaves(
    rng: Generator, h: int, w: int, cell: float, gain: float, stretch: float = 1.0
) -> Field:
    """Noise of several octaves, scaled to 0..1.

    Args:
        rng: source of chance.
        h: height, pixels.
        w: width, pixels.
        cell: size of the coarsest features, pixels.
        gain: amplitude of an octave over that of the next coarser one.
        stretch: how much wider than high the features are.
    """
    total = np.zeros((h, w), dtype=np.float32)
    amplitude = 1.0
    while cell >= 2 and amplitude > 0.04:
        rows = int(h * stretch / cell) + 3
        columns = int(w / cell) + 3
        grid = rng.standard_normal((min(rows, h + 3), columns), dtype=np.float32)
        total += amplitude * cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC)
        cell, amplitude = cell / 2, amplitude * gain
    return _spread(total)


def _spread(values: Field) -> Field:
    low, high = float(values.min()), float(values.max())
    return (values - low) / max(high - low, 1e-6)


def _axes(rng: Generator, h: int, w: int, period: float) -> tuple[Field, Field]:
    """Turned and slightly distorted coordinates in periods."""
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    y = np.arange(h, dtype=np.float32)[:, None] / period
    x = np.arange(w, dtype=np.float32)[None, :] / period
    u = np.cos(angle) * x + np.sin(angle) * y
    v = np.cos(angle) * y - np.sin(angle) * x
    if rng.random() < 0.6:
        bend = np.float32(rng.uniform(0.2, MAX_BEND))
        wobble = octaves(rng, h, w, max(h, w) / 2, 0.3)
        u = u + bend * wobble
        v = v + bend * wobble[::-1]
    return u.astype(np.float32), v.astype(np.float32)


def _period(rng: Generator, h: int, w: int) -> float:
    return float(np.exp(rng.uniform(np.log(6), np.log(max(min(h, w) / 3, 8)))))


def _noise(rng: Generator, h: int, w: int) -> Field:
    cell = max(h, w) * rng.uniform(0.08, 0.8)
    return octaves(rng, h, w, cell, rng.uniform(0.45, 0.85), np.exp(rng.normal(0, 0.6)))


def _grain(rng: Generator, h: int, w: int) -> Field:
    return octaves(rng, h, w, rng.uniform(4, 14), 0.8)


def _gradient(rng: Generator, h: int, w: int) -> Field:
    u, v = _axes(rng, h, w, max(h, w))
    return _spread(np.hypot(u - u.mean(), v - v.mean()) if rng.random() < 0.4 else u)


def _stripes(rng: Generator, h: int, w: int) -> Field:
    u, _ = _axes(rng, h, w, _period(rng, h, w))
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * u)
    sharpness = np.float32(rng.choice([1.0, 3.0, 12.0]))
    return np.clip((wave - 0.5) * sharpness + 0.5, 0, 1)


def _checker(rng: Generator, h: int, w: int) -> Field:
    u, v = _axes(rng, h, w, _period(rng, h, w) * 1.5)
    wave = np.sin(np.pi * u) * np.sin(np.pi * v)
    return np.clip(wave * 8 + 0.5, 0, 1)


def _bricks(rng: Generator, h: int, w: int) -> Field:
    """Bricks of differing lightness with dark joints."""
    u, v = _axes(rng, h, w, max(_period(rng, h, w), 12))
    row = np.floor(v)
    along = u / 2 + 0.5 * (row % 2)
    column = np.floor(along)
    tone = np.sin(row * 12.9898 + column * 78.233) * 43758.55
    tone -= np.floor(tone)
    across = np.minimum(v - row, 1 + row - v)
    joint = np.minimum(across, 2 * np.minimum(along - column, 1 + column - along))
    return np.clip(joint * 9, 0, 1) * (0.45 + 0.55 * tone)


def _wood(rng: Generator, h: int, w: int) -> Field:
    u, v = _axes(rng, h, w, _period(rng, h, w))
    rings = np.hypot(u * 0.25 + 1, v) + 2 * octaves(rng, h, w, max(h, w) / 3, 0.5)
    return 0.75 * (0.5 + 0.5 * np.sin(2 * np.pi * rings)) + 0.25 * _grain(rng, h, w)


def _cells(rng: Generator, h: int, w: int) -> Field:
    """Voronoi cells: pebbles, or flat patches."""
    size = _period(rng, h, w) + 4
    count = int(np.clip(h * w / size**2, 3, 2500))
    seeds = np.full((h, w), 255, dtype=np.uint8)
    seeds[rng.integers(0, h, count), rng.integers(0, w, count)] = 0
    distance, label = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    tone = rng.random(count + 2, dtype=np.float32)[label]
    if rng.random() < 0.4:
        return tone
    return np.clip(1.15 - distance / (0.75 * size), 0, 1) * (0.35 + 0.65 * tone)


def _spots(rng: Generator, h: int, w: int) -> Field:
    noise = octaves(rng, h, w, _period(rng, h, w) * 2, 0.3)
    return np.clip((noise - rng.uniform(0.45, 0.65)) * 14 + 0.5, 0, 1).astype(np.float32)


PATTERNS: tuple[tuple[Callable[[Generator, int, int], Field], float], ...] = (
    (_noise, 5.0),
    (_grain, 1.5),
    (_gradient, 3.0),
    (_stripes, 1.5),
    (_checker, 0.7),
    (_bricks, 0.8),
    (_wood, 1.5),
    (_cells, 1.5),
    (_spots, 1.2),
)
_WEIGHTS = np.array([weight for _, weight in PATTERNS])


def _hue(rng: Generator) -> float:
    """Mostly the hues that photos are made of: earth and skin, leaves, sky and water."""
    kind = rng.random()
    if kind < 0.45:
        return float(rng.normal(0.08, 0.035)) % 1.0
    if kind < 0.65:
        return float(rng.normal(0.27, 0.05))
    if kind < 0.85:
        return float(rng.normal(0.58, 0.05))
    return float(rng.random())


def palette(rng: Generator, count: int = 3) -> NDArray[np.float32]:
    """Colours [count, 3] that go together: near hues, mostly muted, spread in lightness."""
    hue = _hue(rng)
    muted = rng.random() < 0.75
    saturation = rng.beta(2, 4) if muted else rng.beta(4, 2)
    lightness = np.sort(rng.uniform(0.05, 0.98, count))
    rng.shuffle(lightness)
    spread = rng.choice([0.02, 0.06, 0.25])
    colours = [
        colorsys.hsv_to_rgb(
            (hue + spread * rng.standard_normal()) % 1.0,
            float(np.clip(saturation * rng.uniform(0.6, 1.3), 0, 1)),
            float(value),
        )
        for value in lightness
    ]
    return np.array(colours, dtype=np.float32)


def colour(field: Field, colours: NDArray[np.float32]) -> Picture:
    """A field looked up in evenly spaced colours, [h, w, 3]."""
    steps = np.linspace(0, 255, len(colours))
    table = [np.interp(np.arange(256), steps, channel) for channel in colours.T]
    lookup = np.stack(table, axis=1).astype(np.float32)
    return lookup[(field * 255).astype(np.uint8)]


def surface(rng: Generator, h: int, w: int) -> Picture:
    """A material of its own: a pattern, its colours, stains and roughness; [h, w, 3]."""
    pattern = PATTERNS[rng.choice(len(PATTERNS), p=_WEIGHTS / _WEIGHTS.sum())][0]
    picture = colour(np.clip(pattern(rng, h, w), 0, 1), palette(rng, int(rng.integers(2, 5))))
    if rng.random() < 0.6:
        stain = octaves(rng, h, w, max(h, w) / 2, 0.6)
        picture *= (1 + rng.uniform(0.1, 0.5) * (stain - 0.5))[..., None]
    return np.clip(picture, 0, 1)
