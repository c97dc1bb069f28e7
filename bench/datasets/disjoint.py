"""Guard: what attackers trained on must not show what is scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS
from attacks.networks.shipped import Photo, read_photos
from bench.cache.fingerprints import content_digest
from bench.datasets.base import Dataset, Image, SampleError
from framework.errors import PedbenchError
from framework.exposure.look import HASH_BITS, NEAR, SURE, distance, perceptual_hash, thumbnail

ALIKE = 0.75
"""Pictures are the same if at most `NEAR` of 64 hash bits differ and their thumbnails correlate.

Measured on 712 photos and scenes: copies of every fourth (JPEG quality 20, a quarter of the size,
grey, noise of 12 grey levels, square, 2 % cropped from each edge) differ in at most 10 bits and
correlate by 0.81 or more. Of 253,116 pairs of different pictures, mirrored ones among them, the
closest differ in 12 bits, and those below 16 correlate by 0.65 or less: the second test keeps
large data sets free of false alarms.
"""

NAMED = 5
"""An error names this many clashes."""


@dataclass(frozen=True, eq=False)
class _Look:
    """Hash and thumbnail (zero mean, unit norm, [256]) of a picture."""

    bits: int
    thumbnail: NDArray[np.float32]

    @classmethod
    def of(cls, image: Image) -> _Look:
        small = thumbnail(image, 16).ravel().astype(np.float32)
        small -= small.mean()
        return cls(perceptual_hash(image), small / max(float(np.linalg.norm(small)), 1e-6))

    def distance(self, other: _Look) -> int:
        """Hash bits that differ."""
        return distance(self.bits, other.bits)

    def same_picture(self, other: _Look) -> bool:
        near = self.distance(other) <= NEAR
        return near and float(self.thumbnail @ other.thumbnail) >= ALIKE


@dataclass(frozen=True, eq=False)
class _Print:
    """What is remembered of a sample."""

    label: str
    scene: str
    content: str
    look: _Look
    mirrored: _Look


def check_scored(public: Sequence[Dataset], attacks: Iterable[str], scored: Dataset) -> None:
    """`check_disjoint` and `check_unseen`, with one look at each scored photo."""
    looks = tuple(_prints(scored))
    check_disjoint(public, looks)
    check_unseen(attacks, looks)


def check_disjoint(
    public: Dataset | Sequence[Dataset], scored: Dataset | tuple[_Print, ...]
) -> None:
    """Refuse public images that are scored too, show a scored scene or nearly equal a scored image.

    Names tell nothing: two folders of one name may hold the same image ids and other pictures.
    Images that cannot be read are passed over: nobody can train on them or score them.

    Args:
        public: what attackers train on.
        scored: what they are scored on.

    Raises:
        PedbenchError: names the images that clash.
    """
    known = list(_prints(scored)) if isinstance(scored, Dataset) else scored
    clashes = [
        f"{ours.label} and {theirs.label} ({reason})"
        for dataset in ([public] if isinstance(public, Dataset) else public)
        for theirs in _prints(dataset)
        for ours in known
        if (reason := _clash(theirs, ours))
    ]
    if clashes:
        raise PedbenchError(
            "attackers must not train on what is scored, but these are the same: "
            f"{_first(clashes)}: take other public data"
        )


def check_unseen(attacks: Iterable[str], scored: Dataset | tuple[_Print, ...]) -> None:
    """Refuse to score photos that trained the weights which some attacks bring along.

    Args:
        attacks: names of those that are run.
        scored: what they are scored on.

    Raises:
        PedbenchError: names the attacks and photos.
    """
    lists: dict[Path, list[str]] = {}
    for name in sorted(set(attacks)):
        path = ATTACKS.get(name).trained_on
        if path is not None:
            lists.setdefault(path, []).append(name)
    if not lists:
        return
    known = list(_prints(scored)) if isinstance(scored, Dataset) else scored
    for path, names in lists.items():
        clashes = list(_trained(read_photos(path), known))
        if clashes:
            raise PedbenchError(
                f"the weights of {', '.join(names)} were trained on {_first(clashes)}: "
                "score other photos, or leave these attacks out"
            )


def _first(clashes: Sequence[str]) -> str:
    """The first `NAMED` of them, and how many more there are."""
    more = f" and {len(clashes) - NAMED} more" if len(clashes) > NAMED else ""
    return ", ".join(clashes[:NAMED]) + more


def _trained(photos: Sequence[Photo], scored: Iterable[_Print]) -> Iterator[str]:
    """Labels of scored photos that are, or look like, some of ``photos``."""
    for known in scored:
        if any(_learned(photo, known) for photo in photos):
            yield known.label


def _learned(photo: Photo, known: _Print) -> bool:
    """Whether a picture is a training photo; of one of its name, less likeness will do."""
    enough = NEAR if known.label == f"{photo.dataset}/{photo.image_id}" else SURE
    looks = (int(photo.bits, 16), int(photo.mirrored, 16))
    return any((known.look.bits ^ bits).bit_count() <= enough for bits in looks)


def photo_of(dataset: Dataset, image_id: str) -> Photo:
    """What a list of training photos keeps of an image.

    Raises:
        SampleError: the image cannot be read.
    """
    image = dataset.load(image_id).image
    bits, mirrored = (f"{perceptual_hash(each):016x}" for each in (image, image[:, ::-1]))
    return Photo(dataset.name, image_id, bits, mirrored)


def _clash(theirs: _Print, ours: _Print) -> str:
    """Why two pictures count as the same; empty when they do not."""
    same = theirs.content == ours.content
    if same and theirs.label == ours.label:
        return "same id"
    if theirs.scene == ours.scene and theirs.scene != theirs.label:
        return "same scene"
    for look in (theirs.look, theirs.mirrored):
        if look.same_picture(ours.look):
            return f"near-duplicate, {look.distance(ours.look)} of {HASH_BITS} bits differ"
    return "same picture" if same else ""


def _prints(dataset: Dataset) -> Iterator[_Print]:
    for image_id in dataset.ids:
        try:
            sample = dataset.load(image_id)
        except SampleError:
            continue
        yield _Print(
            f"{dataset.name}/{image_id}",
            sample.scene,
            content_digest(sample.image),
            _Look.of(sample.image),
            _Look.of(sample.image[:, ::-1]),
        )
