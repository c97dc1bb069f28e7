"""All recognisers together: records for what is there, what is missing and what breaks."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets.base import Sample, stack_masks
from bench.recognition import (
    RECOGNISERS,
    Recogniser,
    RecogniserSet,
    RecogniserUnavailable,
    Truth,
    recognise_all,
)
from framework.errors import PedbenchError
from tests.framework.support import message_of

SIZE = (6, 8)
PICTURE = np.full((*SIZE, 3), 7, np.uint8)


class Fake(Recogniser[Truth]):
    """Reports the mean grey level, or does what the test tells it to."""

    name = "fake"
    summary = "mean grey level"
    metrics = ("fake_mean", "fake_none")

    def __init__(self, name="fake", reason=None, broken=None):
        self.name = name
        self.metrics = (f"{name}_mean", f"{name}_none")
        self.available = lambda: reason
        self.broken = broken or {}
        self.enrolled = None

    @classmethod
    def available(cls):
        return None

    def truth(self, sample, frame_size):
        if "truth" in self.broken:
            raise self.broken["truth"]
        return Truth(frame_size)

    def enrol(self, truths):
        self.enrolled = list(truths)

    def _score(self, picture, truth):
        if "score" in self.broken:
            raise self.broken["score"]
        return {self.metrics[0]: float(picture.mean()), self.metrics[1]: None}


def test_a_recogniser_owes_its_metrics_and_no_other():
    class Other(Fake):
        def _score(self, picture, truth):
            return {"other": 0.5}

    with pytest.raises(PedbenchError, match="returns other: return a dictionary with fake_mean, "):
        Other().score(PICTURE, Truth(SIZE))


def test_a_recogniser_cannot_take_the_name_of_a_metric():
    class Psnr(Fake):
        summary = "a name that is taken"
        metrics = ("psnr",)

    with pytest.raises(PedbenchError, match="its metric psnr is one of pictures: rename it"):
        RECOGNISERS.check(Psnr)


@pytest.fixture
def sample() -> Sample:
    return Sample("a", PICTURE, stack_masks([], PICTURE.shape), (), "scene/a")


def statuses(records):
    return {record["metric"]: record["status"] for record in records}


def test_built_in_recognisers_are_registered():
    assert set(RECOGNISERS.names()) >= {
        "cars", "faces", "garments", "identity", "objects", "people", "person_identity", "persons",
        "sam_objects", "text",
    }  # fmt: skip


def test_recognisers_keep_the_contract():
    seen: set[str] = set()
    for name, recogniser in RECOGNISERS.items():
        assert recogniser.name == name
        assert recogniser.summary
        assert recogniser.metrics
        assert not seen & set(recogniser.metrics)
        seen |= set(recogniser.metrics)
        reason = recogniser.available()
        assert reason is None or ("\n" not in reason and ":" in reason)


def test_values_and_not_applicable(sample):
    suite = RecogniserSet([Fake()])
    assert recognise_all(PICTURE, suite.truths(sample, SIZE)) == [
        {"metric": "fake_mean", "status": "ok", "value": 7.0},
        {"metric": "fake_none", "status": "not_applicable"},
    ]


def test_what_is_missing_is_unsupported_with_its_reason(sample):
    suite = RecogniserSet([Fake("gone", reason="gone is not installed: install it"), Fake("here")])
    assert suite.unavailable == {"gone": "gone is not installed: install it"}
    records = recognise_all(PICTURE, suite.truths(sample, SIZE))
    assert statuses(records) == {
        "gone_mean": "unsupported",
        "gone_none": "unsupported",
        "here_mean": "ok",
        "here_none": "not_applicable",
    }
    assert records[0]["error"] == "gone is not installed: install it"


@pytest.mark.parametrize("place", ["truth", "score"])
def test_one_that_breaks_does_not_stop_the_others(sample, place):
    broken = Fake("broken", broken={place: ValueError("no\nlines")})
    late = Fake("late", broken={place: RecogniserUnavailable("late: mend it")})
    suite = RecogniserSet([broken, late, Fake("sound")])
    truths = suite.truths(sample, SIZE)
    suite.enrol([truths])
    records = recognise_all(PICTURE, truths)
    assert statuses(records) == {
        "broken_mean": "failed",
        "broken_none": "failed",
        "late_mean": "unsupported",
        "late_none": "unsupported",
        "sound_mean": "ok",
        "sound_none": "not_applicable",
    }
    assert records[0]["error"].startswith(
        "ValueError: no (recognition/test_recognition_suite.py, l"
    )
    assert records[2]["error"] == "late: mend it"


def test_all_truths_are_enrolled(sample):
    fake = Fake()
    suite = RecogniserSet([fake])
    truths = [suite.truths(sample, SIZE) for _ in range(3)]
    suite.enrol(truths)
    assert fake.enrolled == [photo.found["fake"] for photo in truths]


@pytest.mark.parametrize("picture", [PICTURE.astype(np.float32), PICTURE[:-1], PICTURE[..., 0]])
def test_pictures_of_another_kind_are_refused(sample, picture):
    fake = Fake()
    truth = fake.truth(sample, SIZE)
    assert "expected uint8 (6, 8, 3)" in message_of(lambda: fake.score(picture, truth))
