"""Inversion of everything a coalition saw, all rounds together, to the whole picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from attacks.base import ATTACKS, Knowledge, PublicExample
from attacks.controls.retrained_prior import register_first_round, register_prior
from attacks.features.canvas import Canvas, Pixels, as_uint8
from attacks.features.cells import PER_PATCH, to_cells, to_pixels
from attacks.features.thumbnail import Thumbnails, window_means
from attacks.features.token_maps import Pictures, practice, square, token_map, token_mask
from attacks.features.tokens import split
from attacks.methods.inversion.linear import Ridge
from attacks.methods.inversion.window_decoders import ROUNDING, affordable
from attacks.networks.training import load_network, network_state, train
from attacks.networks.whole_image import WholeNetwork
from framework.split.observation import Observation
from framework.split.windows import WindowGrid

STEPS = 300
LEARNING_RATE = 2e-3
BATCH = 8
TESTS = 4
"""Coalitions tried on each held-out photo."""
NET = "net."


@dataclass(frozen=True)
class Lesson:
    """A public photo as all shards together have it, padded to the model's square.

    Attributes:
        tokens: standardised, one [1, channels, rows, columns] a stage.
        shows: 1 where there is some of the photo, [1, 1, height, width].
        inside: the same in cells, [1, 1, cells down, cells across].
        linear: the linear inverse of the first stage in cells, [1, 3, ...].
        truth: the photo in cells, 0..255, same shape.
        grid: its windows.
        thumbnails: what each window says of the whole picture, [windows, outputs].
    """

    tokens: Sequence[Tensor]
    shows: Tensor
    inside: Tensor
    linear: Tensor
    truth: Tensor
    grid: WindowGrid
    thumbnails: NDArray[np.float32]


@ATTACKS.register("whole_image_decoder")
class WholeImageDecoder(Ridge):
    """Corrects a linear solution, hidden windows included, by a U-Net over all tokens seen.

    The linear solution is `Ridge` in known windows; in unknown ones it is a thumbnail of the whole
    picture, regressed from each window's mean token and averaged over the windows held.
    Every round's tokens stand at their places, with a mask; windows in SAM's padding count, since
    after a global block they carry something of the picture too. The coalitions are drawn anew for
    each step, of random size and policy, so that one network serves all. Corrections are made in
    cells of a quarter of a patch, and scaled, in known and in unknown windows apart, by the factor
    in 0..1 that does best on held-out photos.

    Args:
        seed: of initialisation, batches and coalitions.
        steps: of training at most.
    """

    summary = "the whole picture from all rounds' tokens by a small U-Net, hidden windows included"
    every_round = True
    random = True

    def __init__(self, seed: int = 0, steps: int = STEPS) -> None:
        super().__init__(seed)
        self.steps = steps

    def fit(self, knowledge: Knowledge) -> None:
        self.learn(knowledge)

    def learn(self, knowledge: Knowledge) -> list[tuple[PublicExample, Lesson]]:
        """`fit`; returns the photos that chose when training stops, and taught nothing else.

        A lone photo does both.
        """
        super().fit(knowledge)
        stages = sorted({s for e in knowledge.public for s in e.observation.stages})
        self.learned["stages"] = np.array(stages)
        training, held_out = map(affordable, split(knowledge.public, self.seed))
        self._standardise(training)
        device = knowledge.device
        everything = self._lessons([*training, *held_out])
        lessons = everything[: len(training)]
        rng = np.random.default_rng([self.seed, 1])
        tests = [self._draw([e], TESTS, rng, device) for e in everything[len(training) :]]
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = self._network().to(device)
            curve = train(
                network,
                lambda _: self._loss(network, *self._draw(lessons, BATCH, rng, device)),
                lambda: float(np.mean([self._loss(network, *test).item() for test in tests])),
                self.steps,
                LEARNING_RATE,
                self.seed,
            )
        self.learned |= {"scale": self._scales(network, tests), "curve": curve}
        self.learned |= network_state(network, NET)
        return list(zip(held_out, everything[len(training) :], strict=True))

    def rebuilt(self, lesson: Lesson, windows: Sequence[int]) -> Pixels:
        """What it makes of some windows of a public photo, in cells, [*frame in cells, 3]."""
        seen, side = self._practised(lesson, windows), lesson.grid.patch_size // PER_PATCH
        network = load_network(self._network, self.learned, NET)
        known, unknown = torch.as_tensor(self.recall("scale"))
        with torch.inference_mode():
            scale = torch.where(seen.known > 0, known, unknown)
            cells = seen.base + scale * network(seen) * seen.unit(self._error)
        height, width = (-(-length // side) for length in lesson.grid.frame_size)
        return cells[0, :, :height, :width].permute(1, 2, 0).numpy().clip(0, 255)

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        features = self.features(observation)
        stages = [int(stage) for stage in self.recall("stages")]
        canvas = Canvas.paint(observation.grid, self.windows(features, observation.patch_size))
        seen, base = self._seen(observation, stages, canvas)
        network = load_network(self._network, self.learned, NET)
        known, unknown = torch.as_tensor(self.recall("scale"))
        side = observation.patch_size
        with torch.inference_mode():
            correction = network(seen) * seen.unit(self._error)
            inside = to_pixels(known * correction, seen.known, side)
            outside = to_pixels(unknown * correction, seen.inside - seen.known, side)
        height, width = observation.frame_size
        mine, rest = (c[0, :, :height, :width].permute(1, 2, 0).numpy() for c in (inside, outside))
        return as_uint8(base + np.where(canvas.known[..., None], mine, rest))

    @property
    def _error(self) -> float:
        return max(float(self.recall("error")[0]), ROUNDING)

    def _network(self) -> WholeNetwork:
        channels = [len(self.recall(f"mean.{stage}")) for stage in self.recall("stages")]
        return WholeNetwork(channels)

    def _standardise(self, public: Sequence[PublicExample]) -> None:
        for stage in self.recall("stages"):
            maps = [token_map(e.observation, stage, self.recall("position")) for e in public]
            tokens = np.concatenate([values[held] for values, held in maps if values is not None])
            spread = tokens.std(axis=0, dtype=np.float64) + 1e-6
            self.learned[f"mean.{stage}"] = tokens.mean(axis=0)
            self.learned[f"spread.{stage}"] = spread.astype(np.float32)

    def _map(self, observation: Observation, stage: int) -> tuple[Tensor, Tensor]:
        """Standardised tokens [1, channels, rows, columns] and their mask [1, 1, rows, columns]."""
        values, held = token_map(observation, stage, self.recall("position"))
        mean, spread = self.recall(f"mean.{stage}"), self.recall(f"spread.{stage}")
        if values is None:
            values = np.zeros((*held.shape, len(mean)), dtype=np.float32)
        standard = np.where(held[..., None], (values - mean) / spread, 0).astype(np.float32)
        tokens = torch.from_numpy(standard).permute(2, 0, 1)[None]
        return tokens.contiguous(), torch.from_numpy(held.astype(np.float32))[None, None]

    def _seen(
        self, observation: Observation, stages: Sequence[int], canvas: Canvas
    ) -> tuple[Pictures, Pixels]:
        """What the network is given, and the linear solution, [h, w, 3]."""
        maps = [self._map(observation, stage) for stage in stages]
        side, grid = observation.patch_size, observation.grid
        means = window_means([tokens for tokens, _ in maps], grid)
        windows = sorted({m.window for m in observation.messages if m.stage in stages})
        thumbnails = Thumbnails.load(self.learned)
        filling = thumbnails.picture(thumbnails.estimates(means, grid), windows, grid)
        colour = canvas.colour(self.recall("colour")) if filling is None else filling
        base = np.where(canvas.known[..., None], canvas.pixels, colour)
        inside = square(np.ones_like(canvas.known)[..., None], grid.img_size)
        known = square(canvas.known[..., None], grid.img_size)
        seen = Pictures(
            tokens=[tokens for tokens, _ in maps],
            held=torch.cat([held for _, held in maps], dim=1),
            inside=to_cells(inside, inside, side).round(),
            known=to_cells(known, inside, side).round(),
            base=to_cells(square(base, grid.img_size), inside, side),
        )
        return seen, base

    def _lessons(self, public: Sequence[PublicExample]) -> list[Lesson]:
        """The photos, with thumbnails by regressions that leave the photo itself out."""
        stages = [int(stage) for stage in self.recall("stages")]
        tokens = [[self._map(e.observation, stage)[0] for stage in stages] for e in public]
        grids = [e.observation.grid for e in public]
        means = [window_means(t, grid) for t, grid in zip(tokens, grids, strict=True)]
        thumbnails, left_out = Thumbnails.fit(means, [e.frame for e in public], grids)
        self.learned |= thumbnails.state()
        return [
            self._lesson(e, t, said) for e, t, said in zip(public, tokens, left_out, strict=True)
        ]

    def _lesson(self, example: PublicExample, tokens: Sequence[Tensor], said: Pixels) -> Lesson:
        grid, side = example.observation.grid, example.observation.patch_size
        shows = square(np.ones((*grid.frame_size, 1)), grid.img_size)
        inside, linear, truth = (
            to_cells(square(picture, grid.img_size), shows, side)
            for picture in (
                np.ones_like(example.frame),
                self._linear(example).pixels,
                example.frame,
            )
        )
        return Lesson(tokens, shows, inside[:, :1].round(), linear, truth, grid, said)

    def _linear(self, example: PublicExample) -> Canvas:
        observation = example.observation
        windows = self.windows(self.features(observation), observation.patch_size)
        return Canvas.paint(observation.grid, windows)

    def _draw(
        self, lessons: Sequence[Lesson], count: int, rng: np.random.Generator, device: str
    ) -> tuple[Pictures, Tensor]:
        """Pictures of ``count`` random coalitions, and the photos."""
        drawn = [lessons[i] for i in rng.integers(len(lessons), size=count)]
        seen = Pictures.joined(
            [self._practised(lesson, practice(lesson.grid, rng)) for lesson in drawn]
        )
        return seen.to(device), torch.cat([lesson.truth for lesson in drawn]).to(device)

    def _practised(self, lesson: Lesson, windows: Sequence[int]) -> Pictures:
        held = torch.from_numpy(token_mask(lesson.grid, windows).astype(np.float32))[None, None]
        known = F.interpolate(held, scale_factor=PER_PATCH) * lesson.inside
        guess = Thumbnails.load(self.learned).picture(lesson.thumbnails, windows, lesson.grid)
        colour = torch.as_tensor(self.recall("colour"))
        if known.any():
            colour = (lesson.linear * known).sum((0, 2, 3)) / known.sum()
        filling = colour[:, None, None] * lesson.inside
        if guess is not None:
            pixels = square(guess, lesson.grid.img_size)
            filling = to_cells(pixels, lesson.shows, lesson.grid.patch_size)
        return Pictures(
            tokens=[tokens * held for tokens in lesson.tokens],
            held=held.expand(-1, len(lesson.tokens), -1, -1),
            inside=lesson.inside,
            known=known,
            base=torch.where(known > 0, lesson.linear, filling),
        )

    def _missed(self, seen: Pictures, truth: Tensor) -> Tensor:
        """The error of the base in units of a correction."""
        return (truth - seen.base) / seen.unit(self._error) * seen.inside

    def _loss(self, network: WholeNetwork, seen: Pictures, truth: Tensor) -> Tensor:
        missed = (network(seen) - self._missed(seen, truth)) * seen.inside
        return missed.square().sum() / (3 * seen.inside.sum())

    @torch.inference_mode()
    def _scales(
        self, network: WholeNetwork, tests: Sequence[tuple[Pictures, Tensor]]
    ) -> NDArray[np.float32]:
        """The factors that do best in known and in unknown windows, [2] in 0..1."""
        along, power = np.zeros(2), np.zeros(2)
        for seen, truth in tests:
            correction, missed = network(seen) * seen.inside, self._missed(seen, truth)
            for place, where in enumerate((seen.known, seen.inside - seen.known)):
                along[place] += float((correction * missed * where).sum())
                power[place] += float((correction.square() * where).sum())
        return np.clip(along / np.maximum(power, 1e-9), 0, 1).astype(np.float32)


register_prior(WholeImageDecoder, "whole_image_prior")
register_first_round(WholeImageDecoder)
