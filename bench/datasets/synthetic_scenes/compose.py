"""From a seed to a scene: background, objects from far to near, lettering, camera."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.datasets.synthetic_scenes.shapes import draw, outline
from bench.datasets.synthetic_scenes.textures import Picture, colour, octaves, palette, surface
from bench.datasets.synthetic_scenes.words import Word, draw_word, typeset

MIN_SHARE = 0.002
"""An object of which less than this share of the image is visible is no instance."""

READABLE_SHARE, READABLE_HEIGHT = 0.95, 8
"""A word counts while this share of its box is not covered, at this height in pixels or more."""


@dataclass(frozen=True)
class Scene:
    """A picture of which everything is known.

    Attributes:
        image: uint8 [h, w, 3], RGB.
        masks: bool [n, h, w], the visible pixels of each object; they do not overlap.
        words: those that can be read.
    """

    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    words: tuple[Word, ...]


@dataclass
class _Canvas:
    """A picture in the making.

    Attributes:
        picture: RGB 0..1, [h, w, 3].
        owner: number of the object that a pixel shows, 0 for the background, [h, w].
        light: direction towards the light (x, y, z).
        objects: how many have been placed.
        words: with the object that each is printed on.
    """

    picture: Picture
    owner: NDArray[np.int32]
    light: NDArray[np.float32]
    objects: int = 0
    words: list[tuple[Word, int]] = field(default_factory=list)


def compose(rng: Generator) -> Scene:
    """Draw a scene: 4 to 14 objects on a background, at 280 to 360 px by up to 1.6 times that."""
    h = int(rng.integers(280, 361))
    w = int(h * rng.uniform(1.0, 1.6))
    if rng.random() < 0.3:
        h, w = w, h
    horizon = float(rng.uniform(0.25, 0.65)) if rng.random() < 0.65 else None
    light = np.array([rng.uniform(-1, 1), rng.uniform(-1.2, -0.3), rng.uniform(0.5, 1.2)])
    canvas = _Canvas(
        _background(rng, h, w, horizon),
        np.zeros((h, w), dtype=np.int32),
        (light / np.linalg.norm(light)).astype(np.float32),
    )
    if rng.random() < 0.15:
        _print_on_background(rng, canvas)
    for depth in np.sort(rng.random(int(rng.integers(4, 15)))):
        if rng.random() < 0.14:
            _place_sign(rng, canvas)
        else:
            _place_object(rng, canvas, float(depth), horizon)
    return _finish(rng, canvas)


def _background(rng: Generator, h: int, w: int, horizon: float | None) -> Picture:
    """One surface, or sky or wall over ground; sometimes out of focus."""
    if horizon is None:
        picture = surface(rng, h, w)
    else:
        line = int(h * horizon)
        upper = _sky(rng, line, w) if rng.random() < 0.5 else surface(rng, line, w)
        picture = np.concatenate([upper, _ground(rng, h - line, w)])
    if rng.random() < 0.3:
        picture = _blur(picture, rng.uniform(1, 5))
    return np.ascontiguousarray(picture)


def _blur(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)


def _sky(rng: Generator, h: int, w: int) -> Picture:
    """A vertical gradient with clouds."""
    high = np.array([0.25, 0.45, 0.8]) * rng.uniform(0.3, 1.2) + rng.uniform(-0.1, 0.15, 3)
    low = np.array([0.9, 0.85, 0.8]) * rng.uniform(0.5, 1.1) + rng.uniform(-0.2, 0.1, 3)
    column = np.linspace(0, 1, h)[:, None] ** rng.uniform(0.5, 2)
    picture = np.repeat(((1 - column) * high + column * low)[:, None], w, axis=1)
    clouds = octaves(rng, h, w, w / 2, rng.uniform(0.45, 0.6), stretch=rng.uniform(1, 3))
    cover = np.clip((clouds - rng.uniform(0.35, 0.9)) * 3, 0, 1)[..., None]
    return np.clip(picture * (1 - cover) + cover * rng.uniform(0.7, 1.0), 0, 1).astype(np.float32)


def _ground(rng: Generator, h: int, w: int) -> Picture:
    """A surface seen at a slant: the far edge shows more of it than the near one."""
    squeeze = float(rng.uniform(1.0, 3.0))
    flat = surface(rng, h, int(w * squeeze))
    wide = flat.shape[1]
    corners = np.array([[0, 0], [wide, 0], [wide, h], [0, h]], dtype=np.float32)
    reach = (wide - w) / 2
    target = np.array([[0, 0], [w, 0], [w + reach, h], [-reach, h]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    seen = cv2.warpPerspective(flat, matrix, (w, h), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(seen, dtype=np.float32)


def _place_object(rng: Generator, canvas: _Canvas, depth: float, horizon: float | None) -> None:
    """Put an object where its depth (0 far, 1 near) belongs."""
    h, w = canvas.owner.shape
    radius = min(h, w) * float(np.exp(rng.normal(np.log(0.08 + 0.16 * depth), 0.4)))
    x = rng.uniform(0, w)
    if horizon is None:
        y = rng.uniform(0, h)
    else:
        y = h * (horizon + (1.05 - horizon) * depth) - radius * rng.uniform(0.5, 1.0)
    parts = [part * radius + [x, y] for part in outline(rng)]
    _paint(rng, canvas, parts, solid=rng.random() < 0.75, grounded=horizon is not None)


def _paint(
    rng: Generator, canvas: _Canvas, parts: list[NDArray[np.float64]], solid: bool, grounded: bool
) -> tuple[slice, slice] | None:
    """Draw an object with its shadow; returns where, None when it lies outside."""
    h, w = canvas.owner.shape
    points = np.concatenate(parts)
    x0, y0 = np.clip(np.floor(points.min(axis=0)).astype(int) - 2, 0, [w, h])
    x1, y1 = np.clip(np.ceil(points.max(axis=0)).astype(int) + 2, 0, [w, h])
    if x1 - x0 < 4 or y1 - y0 < 4:
        return None
    place = slice(y0, y1), slice(x0, x1)
    alpha = draw([part - [x0, y0] for part in parts], y1 - y0, x1 - x0)
    _cast_shadow(rng, canvas, alpha, (int(y0), int(x0)), grounded)
    skin = surface(rng, *alpha.shape)
    if solid:
        skin = _shade(rng, skin, alpha, canvas.light)
    below = canvas.picture[place]
    below += alpha[..., None] * (skin - below)
    canvas.objects += 1
    canvas.owner[place][alpha >= 0.5] = canvas.objects
    return place


def _shade(
    rng: Generator, skin: Picture, alpha: NDArray[np.float32], light: NDArray[np.float32]
) -> Picture:
    """Light a surface as if the outline were inflated."""
    inside = np.pad((alpha >= 0.5).astype(np.uint8), 1)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3)[1:-1, 1:-1]
    depth = max(float(distance.max()), 1.0)
    height = depth * np.sqrt(np.clip(1 - (1 - distance / depth) ** 2, 0, 1))
    height = _blur(height, 0.5 + 0.12 * depth)
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    facing = light[2] - light[0] * slope_x - light[1] * slope_y
    facing = np.clip(facing / np.sqrt(1 + slope_x**2 + slope_y**2), 0, 1)
    ambient = np.float32(rng.uniform(0.2, 0.5))
    lit = skin * (ambient + (1.25 - ambient) * facing)[..., None]
    if rng.random() < 0.4:
        lit += np.float32(rng.uniform(0.2, 0.8)) * (facing ** rng.uniform(8, 40))[..., None]
    return np.clip(lit, 0, 1)


def _cast_shadow(
    rng: Generator,
    canvas: _Canvas,
    alpha: NDArray[np.float32],
    corner: tuple[int, int],
    grounded: bool,
) -> None:
    """Darken what lies behind an object, or the ground under it."""
    if rng.random() < 0.2:
        return
    h, w = canvas.owner.shape
    reach = 0.15 * min(alpha.shape) + 3
    spread = max(1.0, reach * rng.uniform(0.2, 0.6))
    margin = int(reach + 2.5 * spread)
    dark = np.pad(alpha, margin)
    if grounded:
        low = alpha.shape[0] + margin
        flat = cv2.resize(alpha, (alpha.shape[1], max(alpha.shape[0] // 4, 2)))
        dark[:] = 0
        dark[low - len(flat) + margin // 2 : low + margin // 2, margin:-margin] = flat
    top = corner[0] - margin - int(canvas.light[1] * reach * (not grounded))
    left = corner[1] - margin - int(canvas.light[0] * reach)
    y0, y1 = max(top, 0), min(top + dark.shape[0], h)
    x0, x1 = max(left, 0), min(left + dark.shape[1], w)
    if y0 >= y1 or x0 >= x1:
        return
    shadow = _blur(dark, spread)[y0 - top : y1 - top, x0 - left : x1 - left]
    strength = np.float32(rng.uniform(0.25, 0.75))
    canvas.picture[y0:y1, x0:x1] *= 1 - strength * shadow[..., None]


def _lines(rng: Generator) -> list[list[str]]:
    return [
        [draw_word(rng) for _ in range(int(rng.integers(1, 3)))]
        for _ in range(int(rng.integers(1, 4)))
    ]


def _place_sign(rng: Generator, canvas: _Canvas) -> None:
    """A flat plate, upright, with words on it."""
    h, w = canvas.owner.shape
    width, height = w * rng.uniform(0.15, 0.45), h * rng.uniform(0.1, 0.3)
    x, y = rng.uniform(0, w - width), rng.uniform(0, h - height)
    plate = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    place = _paint(rng, canvas, [plate], solid=False, grounded=False)
    if place is not None:
        base = colour(np.full((1, 1), 0.5, np.float32), palette(rng))
        canvas.picture[place] += np.float32(rng.uniform(0.6, 1)) * (base - canvas.picture[place])
        _print(rng, canvas, _lines(rng), (x + 3, y + 3, width - 6, height - 6))


def _print_on_background(rng: Generator, canvas: _Canvas) -> None:
    """Large lettering across the picture, as on a poster or a page."""
    h, w = canvas.owner.shape
    height = h * rng.uniform(0.08, 0.3)
    box = (0.05 * w, rng.uniform(0.02 * h, 0.95 * h - height), 0.9 * w, height)
    _print(rng, canvas, _lines(rng), box)


def _print(
    rng: Generator,
    canvas: _Canvas,
    lines: list[list[str]],
    box: tuple[float, float, float, float],
) -> None:
    """Ink words into a box (x, y, width, height) in a colour that stands out."""
    x, y = int(box[0]), int(box[1])
    ink, words = typeset(lines, box[3], box[2])
    place = slice(y, y + len(ink)), slice(x, x + ink.shape[1])
    below = canvas.picture[place]
    ink = ink[: below.shape[0], : below.shape[1]]
    tone = rng.uniform(0.8, 1.0) if below.mean() < 0.5 else rng.uniform(0, 0.15)
    shade = np.clip(tone + rng.uniform(-0.12, 0.12, 3), 0, 1).astype(np.float32)
    below += ink[..., None] * (shade - below)
    for word in words:
        x0, y0, x1, y1 = word.box
        moved = Word(word.text, (x0 + x, y0 + y, x1 + x, y1 + y))
        if min(x0, y0) >= 0 and x1 <= ink.shape[1] and y1 <= ink.shape[0]:
            canvas.words.append((moved, canvas.objects))


def _finish(rng: Generator, canvas: _Canvas) -> Scene:
    """What the camera makes of it, and what of it can be seen."""
    owner = canvas.owner
    counts = np.bincount(owner.ravel(), minlength=canvas.objects + 1)
    numbers = [n for n in range(1, canvas.objects + 1) if counts[n] >= MIN_SHARE * owner.size]
    masks = [owner == number for number in numbers]
    words = tuple(word for word, number in canvas.words if _readable(word, number, owner))
    return Scene(
        image=_camera(rng, canvas.picture),
        masks=np.stack(masks) if masks else np.zeros((0, *owner.shape), dtype=bool),
        words=words,
    )


def _readable(word: Word, number: int, owner: NDArray[np.int32]) -> bool:
    x0, y0, x1, y1 = word.box
    free = (owner[y0:y1, x0:x1] <= number).mean()
    return bool(free >= READABLE_SHARE and y1 - y0 >= READABLE_HEIGHT)


def _camera(rng: Generator, picture: Picture) -> NDArray[np.uint8]:
    """Uneven light, white balance, exposure, slight blur, sensor noise, 8 bits."""
    h, w = picture.shape[:2]
    glow = 1 + np.float32(rng.uniform(0, 0.5)) * (octaves(rng, h, w, max(h, w), 0.5) - 0.5)
    picture *= glow[..., None]
    picture *= rng.normal(1, 0.06, 3).astype(np.float32)
    np.clip(picture, 0, 1, out=picture)
    cv2.pow(picture, float(np.exp(rng.normal(0, 0.2))), dst=picture)
    picture = _blur(picture, rng.uniform(0.3, 0.9))
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(0.002, 0.02))
    picture += noise
    np.clip(picture, 0, 1, out=picture)
    picture *= 255
    return np.rint(picture).astype(np.uint8)
