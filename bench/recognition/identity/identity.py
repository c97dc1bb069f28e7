"""Whether a face can be told whose it is, by dlib's 128-number descriptor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.datasets.base import Sample
from bench.metrics.base import Image, Score
from bench.recognition.base import RECOGNISERS, Recogniser, RecogniserUnavailable, Truth
from bench.recognition.boxes import Boxes
from bench.recognition.canvas import SIDE, canvas_scale, on_canvas
from bench.recognition.detectors.faces import Faces
from bench.recognition.dlib_models import dlib_missing, face_encoder, models_missing
from bench.recognition.identity.verification import Distances, share_below, threshold_at_far

FARS = (1e-2, 1e-3)
RANK1, CHANCE = "face_rank1", "face_rank1_chance"
TARS = {far: f"face_tar_at_far_{far:g}" for far in FARS}
FALSE_ACCEPTS = f"face_false_accepts_at_far_{FARS[0]:g}"


Names = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class KnownFaces(Truth):
    """The faces of one original photo.

    Attributes:
        scene, image_id: of the photo.
        boxes: float32 [n, 4], x0, y0, x1, y1 in pixels of the frame.
        descriptors: float64 [n, 128].
    """

    scene: str
    image_id: str
    boxes: Boxes
    descriptors: NDArray[np.float64]


@RECOGNISERS.register("identity")
class Identity(Recogniser[KnownFaces]):
    """Each face of a picture against a gallery of the faces of all original photos.

    The place of the face is given, so that this does not depend on a detector. The threshold of a
    false accept rate is set on the originals, as an operator would; ``FALSE_ACCEPTS`` is the rate
    that the picture itself makes of it. For rates over the pictures' own pairs pool `distances`
    and call `verification.threshold_at_far` and `verification.share_below`. Faces of other scenes,
    and the others of the same photo, count as other people; those of other photos of the same
    scene do not count at all.

    Args:
        side: longest side of the canvas, pixels.
    """

    name = "identity"
    summary = "faces told apart by dlib's descriptor: rank 1, and accepts at a false accept rate"
    metrics = (RANK1, CHANCE, *TARS.values(), FALSE_ACCEPTS)
    needs_gallery = True

    def __init__(self, side: int = SIDE) -> None:
        self.side = side
        self._faces = Faces(side)
        self.enrol([])

    @classmethod
    def available(cls) -> str | None:
        return dlib_missing() or models_missing()

    def truth(self, sample: Sample, frame_size: tuple[int, int]) -> KnownFaces:
        """The faces that the detector finds in the original photo."""
        boxes = self._faces.truth(sample, frame_size).boxes
        known = self._describe(sample.image, frame_size, boxes)
        return KnownFaces(frame_size, sample.scene, sample.image_id, boxes, known)

    def enrol(self, truths: Sequence[KnownFaces]) -> None:
        """Make the gallery anew: all photos that will be scored, and any as distractors."""
        self._gallery = np.concatenate([np.zeros((0, 128)), *(t.descriptors for t in truths)])
        self._photo = np.array([_photo(t) for t in truths for _ in t.boxes], str)
        self._scene = np.array([t.scene for t in truths for _ in t.boxes], str)
        self._enrolled = {_photo(truth) for truth in truths}
        pairs = np.triu(self._strangers(self._scene[:, None], self._photo[:, None]), 1)
        impostors = _distances(self._gallery, self._gallery)[pairs]
        self._thresholds = {far: threshold_at_far(impostors, far) for far in FARS}

    def distances(self, picture: Image, truth: KnownFaces) -> tuple[Distances, Distances]:
        """How far the faces of a picture lie from the gallery.

        Returns:
            To the same face of the original [n], and to each face of another person [n, m].

        Raises:
            RecogniserUnavailable: the photo has not been enrolled.
        """
        if _photo(truth) not in self._enrolled:
            raise RecogniserUnavailable(
                f"the faces of '{truth.image_id}' are not in the gallery: "
                "enrol the truths of all photos before scoring"
            )
        probes = self._describe(picture, truth.frame_size, truth.boxes)
        every = _distances(probes, self._gallery)
        own = np.flatnonzero(self._photo == _photo(truth))
        faces = np.arange(len(probes))
        strangers = self._strangers(self._scene[own, None], self._photo[own, None])
        strangers[faces, own] = False
        others = every[strangers].reshape(len(probes), strangers[:1].sum())
        return every[faces, own], others

    def _score(self, picture: Image, truth: KnownFaces) -> dict[str, Score]:
        genuine, others = self.distances(picture, truth)
        if not len(genuine):
            return dict.fromkeys(self.metrics)
        scores: dict[str, Score] = {
            RANK1: float((genuine[:, None] < others).all(axis=1).mean()),
            CHANCE: 1 / (1 + others.shape[1]),
        }
        for far, name in TARS.items():
            scores[name] = _accepted(genuine, self._thresholds[far])
        return scores | {FALSE_ACCEPTS: _accepted(others, self._thresholds[FARS[0]])}

    def _strangers(self, scene: Names, photo: Names) -> NDArray[np.bool_]:
        """Which faces of the gallery are others than those of [n, 1] scenes and photos: [n, m].

        A face itself counts among the faces of its photo, all of which are others to each other.
        """
        return np.asarray((self._scene != scene) | (self._photo == photo), bool)

    def _describe(
        self, picture: Image, frame_size: tuple[int, int], boxes: Boxes
    ) -> NDArray[np.float64]:
        canvas = on_canvas(picture, frame_size, self.side)
        return face_encoder().encode(canvas, boxes * canvas_scale(frame_size, self.side))


def _photo(truth: KnownFaces) -> str:
    return f"{truth.scene}\n{truth.image_id}"


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> Distances:
    """Euclidean distances of rows [n, d] and [m, d]: [n, m]."""
    return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=2), np.float64)


def _accepted(distances: Distances, threshold: Score) -> Score:
    return None if threshold is None else share_below(distances, threshold)
