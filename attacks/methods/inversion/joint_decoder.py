"""Everything at once: the best completion, corrected from all tokens that a coalition holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, Knowledge, PublicExample
from attacks.controls.retrained_prior import register_first_round, register_prior
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels, as_uint8
from attacks.features.completion import shrunk
from attacks.features.public_examples import resized
from attacks.features.token_maps import token_map
from attacks.methods.inpainting.kriging import kriged
from attacks.methods.inversion.linear import Ridge
from attacks.solvers.kernel_ridge import kernel_ridge
from framework.split.observation import Observation
from framework.split.windows import WindowGrid

SMALL = 32
"""Longest side at which the public photos are completed, pixels."""
CELLS = 6
"""Side of the correction; it is stretched over the frame."""
TOLERATED = 20.0
"""Root mean square error, grey levels, below which a photo's errors are not told apart."""
FLATTEST = 1e-3
"""Added to the spread of a window's mean token."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Practised:
    """What kriging misses of a public photo, some of it hidden.

    Attributes:
        number: of the photo.
        coarse: the mean error in the hidden part of each cell, [CELLS, CELLS, 3].
        squared: the mean squared error of all that is hidden.
    """

    number: int
    coarse: Array
    squared: float


@ATTACKS.register("joint_decoder")
class JointDecoder(Ridge):
    """Kriging's completion, and what it misses by regression on the tokens of all rounds.

    Visible windows are `Ridge`'s. To fill the rest, the attacker hides the very same windows of its
    public photos and completes them too. What those completions miss, coarsely, is regressed on
    the mean tokens of the windows held, of every stage. Each photo counts by the inverse of its
    error, since PSNR is a logarithm. The regression's strength does best on photos left out. Where
    none does better than nothing, the completion stays as it is.

    So nothing is trained beforehand, and each coalition is given a regression of its own.
    """

    summary = "kriging's completion, corrected by regression on the tokens of all rounds"
    every_round = True

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        public = knowledge.public
        stages = sorted({s for e in public for s in e.observation.stages})
        self.learned["stages"] = np.array(stages)
        first = [token_map(public[0].observation, s, self.recall("position"))[0] for s in stages]
        self.learned["widths"] = np.array([v.shape[-1] for v in first if v is not None])
        means = np.stack([self._means(e.observation) for e in public])
        count = np.maximum(np.isfinite(means).sum(axis=0), 1)
        mean = np.nansum(means, axis=0) / count
        variance = np.nansum(np.square(means - mean), axis=0) / count
        self.learned["token_mean"] = mean.astype(np.float32)
        self.learned["token_spread"] = np.sqrt(variance).astype(np.float32) + FLATTEST
        self.learned["tokens"] = self._standard(means).astype(np.float16)
        self.learned["frames"] = np.array([e.observation.frame_size for e in public])
        for number, example in enumerate(public):
            self.learned |= self._small(example, number)

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = self._canvas(observation)
        if canvas.known.all():
            return canvas.completed(canvas.pixels)
        return canvas.completed(self.corrected(observation, canvas)[1])

    def corrected(
        self,
        observation: Observation,
        canvas: Canvas,
        practised: Sequence[Practised] | None = None,
    ) -> tuple[Pixels, Pixels]:
        """Kriging's completion and the corrected one, [h, w, 3]; the latter may leave 0..255.

        Args:
            canvas: what `_canvas` made of the observation.
            practised: what `practise` says of its windows, or of some photos only; made unless
                given.
        """
        picture = completion(canvas, self.recall("colour"))
        held = sorted({message.window for message in observation.messages})
        if not held:
            return picture, picture
        missed = self._missed(observation, held, practised)
        return picture, picture + resized(missed, canvas.known.shape)

    def _canvas(self, observation: Observation) -> Canvas:
        windows = self.windows(self.features(observation), observation.patch_size)
        return Canvas.paint(observation.grid, windows)

    def _means(self, observation: Observation) -> Array:
        """The mean token of each window, NaN where not held: [windows, channels of all stages]."""
        grid = observation.grid
        parts = []
        for stage, width in zip(self.recall("stages"), self.recall("widths"), strict=True):
            values, held = token_map(observation, stage, self.recall("position"))
            if values is None:
                values = np.zeros((*held.shape, width), dtype=np.float32)
            values[~held] = np.nan
            parts.append([values[window.token_slice].mean(axis=(0, 1)) for window in grid.windows])
        return np.concatenate(parts, axis=1)

    def _standard(self, means: Array) -> Array:
        """Less the public mean, in units of the public spread; 0 where not held."""
        standard = (means - self.recall("token_mean")) / self.recall("token_spread")
        return np.nan_to_num(standard).astype(np.float32)

    def _small(self, example: PublicExample, number: int) -> dict[str, NDArray[np.uint8]]:
        """A public photo, and what its tokens show of it, at `SMALL` px."""
        shown = shrunk(self._canvas(example.observation), SMALL).pixels
        photo = resized(example.frame, shown.shape[:2])
        return {f"shown.{number}": as_uint8(shown), f"photo.{number}": as_uint8(photo)}

    def _missed(
        self,
        observation: Observation,
        held: Sequence[int],
        practised: Sequence[Practised] | None = None,
    ) -> Array:
        """What kriging is likely to miss where windows are hidden: [CELLS, CELLS, 3]."""
        tokens = self.recall("tokens")[:, held].astype(np.float64)
        own = self._standard(self._means(observation))[held].astype(np.float64)
        numbers, outputs, weights = [], [], []
        for photo in self.practise(observation, held) if practised is None else practised:
            numbers.append(photo.number)
            outputs.append(photo.coarse.ravel())
            weights.append(1 / (photo.squared + TOLERATED**2))
        if not numbers:
            return np.zeros((1, 1, 3), np.float32)
        inputs = tokens[numbers].reshape(len(numbers), -1)
        found = kernel_ridge(inputs, np.array(outputs), np.array(weights), own.ravel())
        return found.reshape(CELLS, CELLS, 3).astype(np.float32)

    def practise(self, observation: Observation, held: Sequence[int]) -> list[Practised]:
        """What kriging misses of public photos where the same windows are hidden.

        Photos of one shape come together, since they share kriging's weights.
        """
        frames = self.recall("frames")
        sides = observation.img_size, observation.patch_size, observation.window_size
        found = []
        for number in np.lexsort(frames.T):
            grid = WindowGrid(*sides, (int(frames[number, 0]), int(frames[number, 1])))
            shown = self.recall(f"shown.{number}").astype(np.float32)
            known = covered(grid, held, shown.shape[:2])
            if known.all():
                continue
            canvas = Canvas(np.where(known[..., None], shown, np.float32(0)), known)
            error = self.recall(f"photo.{number}") - completion(canvas, self.recall("colour"))
            squared = float(np.square(error[~known]).mean())
            found.append(Practised(int(number), coarse(error, ~known), squared))
        return found


def completion(canvas: Canvas, colour: Array) -> Pixels:
    """Kriging's filling, [h, w, 3] in 0..255; ``colour`` [3] where nothing is known."""
    shape = canvas.known.shape
    if not canvas.known.any():
        return np.broadcast_to(colour, (*shape, 3))
    return resized(kriged(shrunk(canvas)), shape)


def covered(grid: WindowGrid, windows: Sequence[int], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which pixels of a small picture of the frame show some of the windows: bool [h, w]."""
    mask = grid.pixel_mask(windows)[..., None].repeat(3, axis=2)
    share: Array = resized(mask, (size[0], size[1]))[..., 0]
    return share > 1e-3


def coarse(error: Array, hidden: NDArray[np.bool_]) -> Array:
    """Means of ``error`` [h, w, 3] over the hidden part of each cell: [CELLS, CELLS, 3]."""
    where = hidden[..., None].repeat(3, axis=2).astype(np.float32)
    share = resized(where, (CELLS, CELLS))
    total = resized(error * where, (CELLS, CELLS))
    return (total / np.maximum(share, 0.05)).astype(np.float32)


register_prior(JointDecoder)
register_first_round(JointDecoder)
register_swapped(JointDecoder)
