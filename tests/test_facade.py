"""`import pedbench`: the public names, lazily."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import framework
import pedbench

ROOT = Path(__file__).parent.parent
HEAVY = {
    "numpy",
    "pandas",
    "torch",
    "torchvision",
    "segment_anything",
    "cv2",
    "grpc",
    "matplotlib",
    "sklearn",
}


def loaded_by(code: str) -> set[str]:
    """Top-level packages that are loaded in a fresh process after ``code``."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "code", ["import pedbench, framework", "from bench.cli import build_parser; build_parser()"]
)
def test_nothing_heavy_is_imported_before_it_is_needed(code):
    assert not loaded_by(code) & HEAVY


@pytest.mark.parametrize("package", [framework, pedbench])
def test_every_public_name_is_there(package):
    for name in package.__all__:
        assert getattr(package, name) is not None


def test_the_facade_hands_on_what_the_packages_define():
    for name in set(framework.__all__) & set(pedbench.__all__):
        assert getattr(pedbench, name) is getattr(framework, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'LocalShard'"):
        _ = pedbench.LocalShard


def test_types_are_shipped():
    for package in ("framework", "attacks", "bench", "pedbench"):
        assert (ROOT / package / "py.typed").is_file()
