"""What detectors mark stays on the edge, within a budget."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage.data

from framework import DistributedSamPredictor, LocalShards
from framework.errors import PedbenchError
from framework.split.defences import make_defence
from framework.split.detectors import DETECTORS, Detector
from framework.split.detectors.text import text_detector
from framework.split.policies import POLICIES
from framework.split.policies.sensitive_local import SensitiveLocal
from framework.split.windows import WindowGrid
from framework.transport.round import HOME
from tests.framework.support import frame_of, message_of

GRID = WindowGrid(256, 8, 7, (256, 256))


class Corner(Detector):
    """The upper left quarter."""

    def find(self, frame):
        found = np.zeros(frame.shape[:2], bool)
        found[: len(frame) // 2, : frame.shape[1] // 2] = True
        return found


def kept(policy, frame, grid=GRID):
    owners = policy.seeing(frame).assign(grid, 4)
    return {i for i, owner in enumerate(owners) if owner == HOME}


def test_skin_is_found_in_a_face_and_not_in_grey():
    face = skimage.data.astronaut()[:256, 100:356]
    found = DETECTORS.get("skin")().find(face)
    assert found.shape == (256, 256)
    assert found[60:160, 90:160].mean() > 0.5
    grey = np.repeat(frame_of(64, 64)[..., :1], 3, axis=2)
    assert not DETECTORS.get("skin")().find(grey).any()


def test_a_person_is_found_whole_and_hardly_anybody_in_a_rocket():
    frame = cv2.resize(skimage.data.astronaut(), (256, 256))
    found = DETECTORS.get("persons")().find(frame)
    assert found[50:140, 100:140].mean() > 0.99
    assert found.mean() < 0.9
    assert DETECTORS.get("persons")().find(skimage.data.rocket()).mean() < 0.05


def test_lines_of_text_are_found_and_nothing_in_grey():
    pytest.importorskip("rapidocr")
    frame = np.full((256, 256, 3), 230, np.uint8)
    cv2.putText(frame, "PRIVATE 42", (40, 100), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (10, 10, 10), 2)
    found = DETECTORS.get("text")().find(frame)
    ink = frame[..., 0] < 100
    assert found[ink].mean() > 0.95
    assert found.mean() < 0.35
    assert not DETECTORS.get("text")().find(np.full((64, 64, 3), 90, np.uint8)).any()


def test_text_without_its_package_is_one_line(monkeypatch):
    def absent(name):
        raise ImportError(f"no {name}")

    text_detector.cache_clear()
    monkeypatch.setattr("framework.split.detectors.text.importlib.import_module", absent)
    with pytest.raises(PedbenchError, match=r"RapidOCR cannot start .*pip install 'pedbench\[text"):
        DETECTORS.get("text")().find(frame_of(64, 64))


def test_text_whose_engine_fails_at_the_first_picture_is_one_line(monkeypatch):
    def engine(picture, **options):
        raise ImportError("onnxruntime is not installed")

    module = SimpleNamespace(RapidOCR=lambda params: engine)
    text_detector.cache_clear()
    monkeypatch.setattr("framework.split.detectors.text.importlib.import_module", lambda _: module)
    with pytest.raises(PedbenchError, match=r"RapidOCR cannot start .*onnxruntime"):
        DETECTORS.get("text")().find(frame_of(64, 64))
    text_detector.cache_clear()


def test_what_stands_out_is_salient():
    frame = np.full((256, 256, 3), 90, np.uint8)
    frame[150:180, 60:90] = (250, 40, 40)
    found = DETECTORS.get("saliency")().find(frame)
    assert found[140:190, 50:100].any()
    assert found.mean() < 0.2


def test_windows_that_a_detector_marks_stay_and_the_others_go():
    marked = {w.index for w in GRID.windows if w.row < 3 and w.col < 3}
    assert kept(SensitiveLocal(1, detector=Corner()), frame_of(256, 256)) == marked


@pytest.mark.parametrize("budget", [0, 0.1, 0.2, 1])
def test_the_budget_bounds_the_share_kept(budget):
    policy = SensitiveLocal(1, detector=Corner(), budget=budget)
    found = kept(policy, frame_of(256, 256))
    assert len(found) == min(9, int(25 * budget))


def test_windows_with_most_marked_pixels_stay_first():
    full = {w.index for w in GRID.windows if w.row < 2 and w.col < 2}
    assert kept(SensitiveLocal(1, detector=Corner(), budget=4 / 25), frame_of(256, 256)) == full


def test_options_follow_the_name():
    policy = POLICIES.get("sensitive_local:skin:0.2")(3)
    assert type(policy.detector) is DETECTORS.get("skin")
    assert policy.budget == 0.2
    assert POLICIES.get("sensitive_local:saliency")(3).budget == 1
    both = POLICIES.get("sensitive_local:saliency:0.1+padding_local")(3)
    wide = WindowGrid(256, 8, 7, (150, 256))
    assert {w.index for w in wide.windows if not w.has_content} <= kept(
        both, frame_of(150, 256), wide
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sensitive_local:skn", "did you mean 'skin'"),
        ("sensitive_local:skin:much", "budget 'much'"),
        ("sensitive_local:skin:0.1:2", "give sensitive_local:DETECTOR"),
        ("sensitive_local:skin:1.5", "give 0 to 1"),
        ("sensitive_local", "needs a mask or a detector"),
        ("random:skin", "takes no options"),
    ],
)
def test_wrong_options_are_named(name, text):
    assert text in message_of(lambda: POLICIES.get(name)(1))


def test_the_embedding_is_exact_whatever_stays_at_home(sam, photos, stock_embedding):
    predictor = DistributedSamPredictor(sam, LocalShards(4), policy="sensitive_local:skin")
    predictor.set_image(photos["square"])
    error = (predictor.features - stock_embedding("square")).abs().max().item()
    assert error < 2e-5
    received = {m.window for m in predictor.observation().messages}
    assert 0 < len(received) < 25


@pytest.mark.parametrize("defence", [make_defence("none"), make_defence("downsample", 30)])
def test_a_defence_of_the_frame_does_not_blind_the_detector(sam, photos, defence):
    policy = SensitiveLocal(1, detector=Corner())
    predictor = DistributedSamPredictor(sam, LocalShards(4), policy=policy, defence=defence)
    predictor.set_image(photos["square"])
    assert len({message.window for message in predictor.observation().messages}) == 16


@pytest.mark.parametrize("mask", [np.zeros((256, 256)), np.zeros((256, 256, 1), bool)])
def test_a_mask_of_another_form_is_refused(mask):
    assert "give bool [height, width]" in message_of(lambda: SensitiveLocal(1, mask))


def test_the_mask_of_another_photo_is_refused():
    policy = SensitiveLocal(1, np.ones((512, 400), bool))
    assert "become 200x256" in message_of(lambda: kept(policy, frame_of(256, 256)))
    upright = WindowGrid(256, 8, 7, (256, 200))
    assert kept(policy, frame_of(256, 200), upright) == set(upright.content)
