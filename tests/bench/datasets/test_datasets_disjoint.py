"""The guard between public and scored images."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from attacks.base import ATTACKS
from attacks.networks.shipped import write_photos
from bench.datasets import Dataset, Sample, SampleError, open_dataset
from bench.datasets.disjoint import check_disjoint, check_unseen, photo_of
from framework.errors import PedbenchError


class Shown(Dataset):
    """Pictures given as arrays; None cannot be read."""

    summary = "for tests"
    usage = "shown"

    def __init__(self, name: str, scenes: dict[str, str] | None = None, **images: Any) -> None:
        self.name = name
        self.images = images
        self.scenes = scenes or {}

    @classmethod
    def open(cls, argument: str, **options: str) -> Dataset:
        raise NotImplementedError

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.images)

    @property
    def fingerprint(self) -> str:
        return self.name

    def load(self, image_id: str) -> Sample:
        image = self.images[image_id]
        if image is None:
            raise SampleError("cannot be read")
        scene = self.scenes.get(image_id, f"{self.name}/{image_id}")
        return Sample(image_id, image, np.zeros((0, *image.shape[:2]), bool), (), scene)


def jpeg(image: np.ndarray) -> np.ndarray:
    coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]


def grey(image: np.ndarray) -> np.ndarray:
    return np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)


COPIES = {
    "same": lambda image: image,
    "jpeg": jpeg,
    "small": lambda image: cv2.resize(image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA),
    "grey": grey,
    "bright": lambda image: np.clip(image * 1.2, 0, 255).astype(np.uint8),
    "mirrored": lambda image: image[:, ::-1],
    "cropped": lambda image: image[9:-9, 9:-9],
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_found_and_named(kind: str) -> None:
    public = Shown("mine", cat=COPIES[kind](data.chelsea()), cup=data.coffee())
    with pytest.raises(PedbenchError, match=r"embedded/chelsea and mine/cat \(near-dup") as caught:
        check_disjoint([public], open_dataset("embedded").limit(2))
    assert "cup" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_scene_seen_from_elsewhere_is_found() -> None:
    scored = Shown("a", {"left": "motorcycle"}, left=data.coffee())
    public = Shown("b", {"right": "motorcycle"}, right=data.chelsea())
    with pytest.raises(PedbenchError, match=r"a/left and b/right \(same scene\)"):
        check_disjoint(public, scored)


def test_the_two_pictures_of_a_stereo_pair_are_near() -> None:
    left, right, _ = data.stereo_motorcycle()
    with pytest.raises(PedbenchError, match="near-duplicate"):
        check_disjoint(Shown("b", right=right), Shown("a", left=left))


def test_the_same_scenes_of_synthetic_are_found_whatever_their_number() -> None:
    with pytest.raises(PedbenchError, match="same scene"):
        check_disjoint(open_dataset("synthetic:2"), open_dataset("synthetic:1"))
    check_disjoint(open_dataset("synthetic:2@1"), open_dataset("synthetic:2"))


def test_folders_of_one_name_are_told_apart_by_content() -> None:
    scored = Shown("coco:photos", a=data.coffee(), b=data.rocket())
    check_disjoint(Shown("coco:photos", a=data.chelsea(), c=data.astronaut()), scored)
    with pytest.raises(PedbenchError, match=r"coco:photos/b and coco:photos/a \(near-dup"):
        check_disjoint(Shown("coco:photos", a=data.rocket()), scored)
    with pytest.raises(PedbenchError, match=r"coco:photos/a and other/x \(near-duplicate"):
        check_disjoint(Shown("other", x=jpeg(data.coffee())), scored)
    flat = np.full((40, 60, 3), 7, np.uint8)
    with pytest.raises(PedbenchError, match=r"here/a and there/b \(same picture\)"):
        check_disjoint(Shown("there", b=flat), Shown("here", a=flat))


def test_what_runs_use_by_default_is_apart() -> None:
    public = [open_dataset("package_photos"), open_dataset("synthetic:16")]
    check_disjoint(public, open_dataset("embedded"))


def test_many_clashes_are_counted() -> None:
    dataset = open_dataset("package_photos").limit(8)
    with pytest.raises(PedbenchError, match=r"\(same id\).* and 3 more"):
        check_disjoint(dataset, dataset)


def test_unreadable_images_are_passed_over() -> None:
    check_disjoint(Shown("b", bad=None, cup=data.coffee()), Shown("a", bad=None))


class TestUnseen:
    """Photos that trained shipped weights are not scored."""

    @pytest.fixture
    def ships(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> str:
        """An attack whose weights learned from a photo of an astronaut."""
        path = tmp_path / "photos.csv"
        write_photos(path, [photo_of(Shown("theirs", astronaut=data.astronaut()), "astronaut")])
        monkeypatch.setattr(ATTACKS.get("gated_inpainting"), "trained_on", path)
        return "gated_inpainting"

    @pytest.mark.parametrize(
        "look", [COPIES["same"], jpeg, lambda image: image[:, ::-1]], ids=["same", "jpeg", "mirror"]
    )
    def test_copies_are_refused_by_their_looks(self, ships: str, look: Any) -> None:
        scored = Shown("mine", cat=data.chelsea(), other_name=look(data.astronaut()))
        with pytest.raises(PedbenchError, match=rf"{ships} were trained on mine/other_name"):
            check_unseen([ships, "telea"], scored)

    def test_a_name_counts_only_with_the_looks(self, ships: str) -> None:
        check_unseen([ships], Shown("theirs", astronaut=data.chelsea()))
        with pytest.raises(PedbenchError, match="theirs/astronaut: score other photos"):
            check_unseen([ships], Shown("theirs", astronaut=jpeg(data.astronaut())))

    def test_other_photos_and_other_attacks_pass(self, ships: str) -> None:
        check_unseen([ships], Shown("mine", cat=data.chelsea(), cup=data.coffee()))
        check_unseen(["telea", "ridge"], Shown("theirs", astronaut=data.astronaut()))

    def test_a_missing_list_is_named(self, ships: str, tmp_path: Any) -> None:
        (tmp_path / "photos.csv").unlink()
        with pytest.raises(PedbenchError, match=r"photos\.csv is no list of photos"):
            check_unseen([ships], Shown("mine", cat=data.chelsea()))

    def test_the_shipped_list_covers_the_package_photos(self) -> None:
        with pytest.raises(PedbenchError, match="gated_inpainting, mae_inpainting"):
            check_unseen(
                ["mae_inpainting", "gated_inpainting"], open_dataset("package_photos").limit(1)
            )
