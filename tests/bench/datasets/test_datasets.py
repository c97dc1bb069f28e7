"""Opening data sets by spec, subsets, and reading pictures."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets import DATASETS, Sample, SampleError, open_dataset
from framework.errors import PedbenchError


def test_all_schemes_are_found_and_described() -> None:
    assert set(DATASETS.names()) >= {
        "bsds", "coco", "embedded", "hf", "package_photos", "synthetic",
    }  # fmt: skip
    for name, dataset in DATASETS.items():
        assert dataset.summary
        assert dataset.usage.startswith(name)


@pytest.mark.parametrize(
    ("spec", "options", "said"),
    [
        ("cocoa:x", {}, "did you mean 'coco'"),
        ("coco:/no/such/folder", {}, "no such folder"),
        ("coco:", {}, "coco:DIR"),
        ("bsds:/no/such/folder", {}, "no such folder"),
        ("hf:/no/such/folder", {}, "no such folder"),
        ("hf:", {}, "needs a name"),
        ("embedded:2", {}, "not understood"),
        ("package_photos:2", {}, "not understood"),
        ("synthetic:many", {}, "synthetic[:N[@SEED]]"),
        ("synthetic:0", {}, "synthetic[:N[@SEED]]"),
        ("synthetic", {"images": "x"}, "takes no --images"),
        ("embedded", {"annotations": "x"}, "takes no --annotations"),
        ("/tmp", {}, "coco:/tmp"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_line(
    spec: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(PedbenchError) as caught:
        open_dataset(spec, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_limit_takes_the_first_or_draws_reproducibly() -> None:
    whole = open_dataset("synthetic:9")
    first = whole.limit(3)
    assert first.ids == whole.ids[:3]
    assert first.name == whole.name
    assert first.fingerprint != whole.fingerprint
    assert np.array_equal(first.load(first.ids[0]).image, whole.load(whole.ids[0]).image)
    drawn = whole.limit(4, seed=1)
    assert drawn.ids == whole.limit(4, seed=1).ids != whole.limit(4, seed=2).ids
    assert len(set(drawn.ids)) == 4
    assert whole.limit(None) is whole.limit(99) is whole


def test_an_unknown_id_is_a_sample_error() -> None:
    for spec in ("synthetic", "package_photos", "embedded"):
        with pytest.raises(SampleError, match="no image 'nobody'"):
            open_dataset(spec).load("nobody")


def test_a_sample_refuses_arrays_of_another_form() -> None:
    image = np.zeros((4, 5, 3), np.uint8)
    with pytest.raises(ValueError, match="image is float64"):
        Sample("a", image.astype(float), np.zeros((0, 4, 5), bool), (), "a")
    with pytest.raises(ValueError, match="masks are"):
        Sample("a", image, np.zeros((1, 4, 5), bool), (), "a")
