"""Lines on signs are told from lines elsewhere."""

from __future__ import annotations

import numpy as np

from bench.recognition.boxes import as_boxes
from studies.recognition.street_signs import on_signs


def test_a_line_counts_for_the_sign_that_it_lies_on():
    signs = as_boxes([[0, 0, 20, 20], [40, 0, 60, 20]])
    assert on_signs(as_boxes([[2, 5, 18, 10], [80, 0, 90, 5]]), signs) == 1
    assert on_signs(as_boxes([[18, 0, 58, 10]]), signs) == 1
    assert on_signs(as_boxes(np.empty((0, 4))), signs) == 0
