"""The linear attacker of the study explains what there is to explain."""

from __future__ import annotations

import numpy as np
import pytest

from studies.defences.colour_and_detail import explained


@pytest.mark.parametrize(("noise", "share"), [(0.0, 1.0), (1.0, 0.5), (3.0, 0.1)])
def test_a_noisy_linear_map_is_explained_as_far_as_its_noise_lets(noise, share):
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(20_000, 3)) + 5
    tokens = pixels + noise * rng.normal(size=pixels.shape)
    halves = tokens[::2], pixels[::2], tokens[1::2], pixels[1::2]
    assert explained(*halves) == pytest.approx(share, abs=0.02)
