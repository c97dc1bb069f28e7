"""Whether what stands at a known place of a picture can be told from all others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.datasets.base import Sample
from bench.metrics.base import Image, Score
from bench.recognition.base import Recogniser, RecogniserUnavailable, Truth
from bench.recognition.boxes import Boxes
from bench.recognition.canvas import SIDE, canvas_scale, on_canvas
from bench.recognition.identity.verification import Distances, share_below, threshold_at_far

FARS = (1e-2, 1e-3)

Names = NDArray[np.str_]
Descriptors = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Known(Truth):
    """What is to be named in one original photo.

    Attributes:
        scene, image_id: of the photo.
        boxes: float32 [n, 4], x0, y0, x1, y1 in pixels of the frame.
        descriptors: [n, d], of the original.
    """

    scene: str
    image_id: str
    boxes: Boxes
    descriptors: Descriptors


def gallery_metrics(noun: str) -> tuple[str, ...]:
    """The metrics of a `GalleryRecogniser` whose objects are called ``noun``."""
    tars = (f"{noun}_tar_at_far_{far:g}" for far in FARS)
    first = (f"{noun}_rank1", f"{noun}_rank1_chance")
    return (*first, *tars, f"{noun}_false_accepts_at_far_{FARS[0]:g}")


class GalleryRecogniser(Recogniser[Known]):
    """Each object of a picture against a gallery of those of all original photos.

    The place of the object is given, so that this does not depend on a detector. The threshold of a
    false accept rate is set on the originals, as an operator would; the last of `metrics` is the
    rate that the picture itself makes of it. For rates over the pictures' own pairs pool
    `distances` and call `verification.threshold_at_far` and `verification.share_below`. Objects of
    other scenes, and the others of the same photo, count as others; those of other photos of the
    same scene do not count at all.

    Args:
        side: longest side of the canvas, pixels.

    Attributes:
        width: numbers of a descriptor.
    """

    width: ClassVar[int]
    needs_gallery = True

    def __init__(self, side: int = SIDE) -> None:
        self.side = side
        self.enrol([])

    def truth(self, sample: Sample, frame_size: tuple[int, int]) -> Known:
        """What is found in the original photo."""
        boxes = self._find(sample, frame_size)
        known = self._at(sample.image, frame_size, boxes)
        return Known(frame_size, sample.scene, sample.image_id, boxes, known)

    def enrol(self, truths: Sequence[Known]) -> None:
        """Make the gallery anew: all photos that will be scored, and any as distractors."""
        nobody = np.zeros((0, self.width))
        self._gallery = np.concatenate([nobody, *(truth.descriptors for truth in truths)])
        self._photo = np.array([_photo(t) for t in truths for _ in t.boxes], str)
        self._scene = np.array([t.scene for t in truths for _ in t.boxes], str)
        self._enrolled = {_photo(truth) for truth in truths}
        pairs = np.triu(self._strangers(self._scene[:, None], self._photo[:, None]), 1)
        impostors = _distances(self._gallery, self._gallery)[pairs]
        self._thresholds = {far: threshold_at_far(impostors, far) for far in FARS}

    def distances(self, picture: Image, truth: Known) -> tuple[Distances, Distances]:
        """How far the objects of a picture lie from the gallery.

        Returns:
            To the same object of the original [n], and to each other one [n, m].

        Raises:
            RecogniserUnavailable: the photo has not been enrolled.
        """
        if _photo(truth) not in self._enrolled:
            raise RecogniserUnavailable(
                f"'{truth.image_id}' is not in the gallery: "
                "enrol the truths of all photos before scoring"
            )
        probes = self._at(picture, truth.frame_size, truth.boxes)
        every = _distances(probes, self._gallery)
        own = np.flatnonzero(self._photo == _photo(truth))
        objects = np.arange(len(probes))
        strangers = self._strangers(self._scene[own, None], self._photo[own, None])
        strangers[objects, own] = False
        others = every[strangers].reshape(len(probes), strangers[:1].sum())
        return every[objects, own], others

    def _score(self, picture: Image, truth: Known) -> dict[str, Score]:
        genuine, others = self.distances(picture, truth)
        if not len(genuine):
            return dict.fromkeys(self.metrics)
        values = (
            float((genuine[:, None] < others).all(axis=1).mean()),
            1 / (1 + others.shape[1]),
            *(_accepted(genuine, self._thresholds[far]) for far in FARS),
            _accepted(others, self._thresholds[FARS[0]]),
        )
        return dict(zip(self.metrics, values, strict=True))

    def _strangers(self, scene: Names, photo: Names) -> NDArray[np.bool_]:
        """Which of the gallery are others than those of [n, 1] scenes and photos: [n, m].

        An object itself counts among those of its photo, all of which are others to each other.
        """
        return np.asarray((self._scene != scene) | (self._photo == photo), bool)

    def _at(self, picture: Image, frame_size: tuple[int, int], boxes: Boxes) -> Descriptors:
        canvas = on_canvas(picture, frame_size, self.side)
        return self._describe(canvas, boxes * canvas_scale(frame_size, self.side))

    @abstractmethod
    def _find(self, sample: Sample, frame_size: tuple[int, int]) -> Boxes:
        """Where the objects of an original photo are, in pixels of the frame."""

    @abstractmethod
    def _describe(self, canvas: Image, boxes: Boxes) -> Descriptors:
        """Descriptors [n, `width`] of what is in boxes [n, 4] of a canvas uint8 [h, w, 3]."""


def _photo(truth: Known) -> str:
    return f"{truth.scene}\n{truth.image_id}"


def _distances(a: Descriptors, b: Descriptors) -> Distances:
    """Euclidean distances of rows [n, d] and [m, d]: [n, m]."""
    return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=2), np.float64)


def _accepted(distances: Distances, threshold: Score) -> Score:
    return None if threshold is None else share_below(distances, threshold)
