"""What may be installed has no known hole that reaches this project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
FLOORS = {
    "torch": (2, 10),
    "torchvision": (0, 25),
    "datasets": (2, 20),
    "pyarrow": (14, 0, 1),
    "pillow": (10, 3),
    "scikit-learn": (1, 5),
    "jinja2": (3, 1, 6),
    "tqdm": (4, 66, 3),
    "opencv-python-headless": (4, 8, 1, 78),
    "cryptography": (44, 0, 1),
    "onnx": (1, 17),
}


@pytest.mark.parametrize("name", FLOORS)
def test_no_release_with_a_known_hole_is_admitted(name):
    found = re.findall(rf'"{name}>=([\d.]+)', TEXT)
    assert found
    assert all(tuple(map(int, floor.split("."))) >= FLOORS[name] for floor in found)
