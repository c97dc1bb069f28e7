"""Attributes labelled by hand: no probe scores a photo that it learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.attacks.attributes import auc
from studies.attacks.attributes_by_hand import LABELS, out_of_fold


def test_what_inputs_tell_is_found_and_what_they_do_not_tell_is_not():
    rng = np.random.default_rng(0)
    shown = rng.random(80) < 0.4
    noise = rng.normal(size=(80, 30))
    assert auc(shown, out_of_fold(noise, shown))[1] < 0.5, "80 photos could be learned by heart"
    telling = noise + 2 * shown[:, None]
    assert auc(shown, out_of_fold(telling, shown))[0] > 0.95


def test_each_photo_has_one_label_for_an_attribute():
    labels = pd.read_csv(LABELS, dtype={"image": str})
    assert not labels.duplicated(["data", "image", "attribute"]).any()
    assert set(labels["shown"]) == {0, 1}
