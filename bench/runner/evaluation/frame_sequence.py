"""The frames of a scene as the servers saw them; the last one is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.features.several_frames import merged
from bench.datasets import Sample
from bench.datasets.motion import Frame
from bench.metrics.exposure import (
    object_coverage,
    object_scores,
    on_original,
    visible_fraction,
)
from framework.split.observation import Observation
from framework.split.predictor import DistributedSamPredictor

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Scores = dict[str, float | None]


@dataclass(frozen=True, eq=False)
class FrameSequence:
    """The frames of one scene, and what the servers saw of them.

    Attributes:
        frames: of the scene, in order; the last one is scored.
        model_input: the last one, resized for the model, uint8 [h, w, 3].
        observation: of all servers, over all frames.
        real: the same without decoys, which only the edge knows: for scores, not for attacks.
    """

    frames: Sequence[Frame]
    model_input: Image
    observation: Observation
    real: Observation

    @property
    def sample(self) -> Sample:
        """The scored frame, with its masks."""
        return self.frames[-1].sample

    def until(self, count: int) -> FrameSequence:
        """The first ``count`` frames alone."""
        seen, real = (
            whole.keeping(m for m in whole.messages if m.frame < count)
            for whole in (self.observation, self.real)
        )
        return frame_sequence(self.frames[:count], seen, real)


def frame_sequence(
    frames: Sequence[Frame], observation: Observation, real: Observation
) -> FrameSequence:
    """The sequence of ``frames``, observed with and without decoys."""
    resize = ResizeLongestSide(observation.img_size)
    return FrameSequence(frames, resize.apply_image(frames[-1].sample.image), observation, real)


def show(predictor: DistributedSamPredictor, frames: Sequence[Frame]) -> FrameSequence:
    """Show a fresh predictor the frames one after the other."""
    seen, real = [], []
    for frame in frames:
        predictor.set_image(frame.sample.image)
        seen.append(predictor.observation())
        real.append(predictor.observation(decoys=False))
    return frame_sequence(frames, merged(seen), merged(real))


def exposure_scores(sequence: FrameSequence, seen: Observation) -> Scores:
    """What a coalition saw of the scene, without any model.

    An object of the last frame counts as seen where it stood at the time: its pixels are followed
    over the frames. ``windows_seen`` is the share of content windows that were seen in any frame,
    ``windows_if_fresh`` 1 − (1 − k/N)^T, what an independent draw for each of the T frames would
    give in the mean, with k of N windows seen in the first.

    Args:
        sequence: the scene, as all servers saw it.
        seen: by the coalition, without decoys.
    """
    grid, count = seen.grid, len(sequence.frames)
    by_frame = [
        {m.window for m in seen.messages if m.frame == number and m.round == 0}
        for number in range(count)
    ]
    content = frozenset(grid.content)
    first = len(by_frame[0] & content) / len(content)
    regions = [grid.pixel_mask(windows) for windows in by_frame]
    return {
        "visible_fraction": visible_fraction(grid.pixel_mask(seen.visible)),
        **object_scores(_coverage(sequence, regions)),
        "windows_seen": len(content & set(seen.visible)) / len(content),
        "windows_if_fresh": 1 - (1 - first) ** count,
    }


def _coverage(sequence: FrameSequence, regions: Sequence[Mask]) -> list[float | None]:
    """For each object of the last frame, the fraction of its pixels seen in any frame."""
    if len(regions) == 1:
        return object_coverage(sequence.sample.masks, regions)
    size = sequence.sample.image.shape[:2]
    seen = [on_original(region, size) for region in regions]
    last = sequence.frames[-1].places
    coverage: list[float | None] = []
    for name, mask in zip(sequence.sample.mask_ids, sequence.sample.masks, strict=True):
        rows, columns = np.nonzero(mask)
        hit = np.zeros(len(rows), bool)
        for frame, region in zip(sequence.frames, seen, strict=True):
            down, right = (frame.places[name][i] - last[name][i] for i in (0, 1))
            y, x = rows + down, columns + right
            inside = (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
            hit[inside] |= region[y[inside], x[inside]]
        coverage.append(float(hit.mean()))
    return coverage
