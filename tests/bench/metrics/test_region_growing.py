"""The baseline for point prompts that needs no model."""

import numpy as np
import skimage.data

from bench.metrics.region_growing import grow, smooth_lab


def scene():
    image = np.full((60, 80, 3), 200, np.uint8)
    image[10:40, 10:40] = (30, 60, 160)
    image[20:30, 20:30] = (160, 30, 30)
    image[10:40, 60:75] = (30, 60, 160)
    return image


def test_it_takes_the_connected_region_of_like_colour_with_its_holes():
    grown = grow(smooth_lab(scene()), (14, 14))
    truth = np.zeros((60, 80), bool)
    truth[10:40, 10:40] = True
    assert (grown & truth).sum() / (grown | truth).sum() > 0.85
    assert not grown[:, 55:].any()


def test_a_larger_tolerance_grows_further():
    lab = smooth_lab(skimage.data.astronaut())
    areas = [grow(lab, (250, 250), tolerance).sum() for tolerance in (2, 14, 60)]
    assert areas[0] < areas[1] < areas[2]


def test_the_point_itself_is_always_in():
    lab = np.random.default_rng(0).normal(0, 80, (20, 20, 3)).astype(np.float32)
    grown = grow(lab, (0, 19), 0.1)
    assert grown[19, 0]
    assert grown.sum() == 1
