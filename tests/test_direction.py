"""``framework`` ← ``attacks`` ← ``bench``: no import points back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "framework": {"attacks", "bench", "pedbench", "tests"},
    "attacks": {"bench", "pedbench", "tests"},
    "bench": {"pedbench", "studies", "tests"},
}
FILES = [
    pytest.param(path, FORBIDDEN[package], id=str(path.relative_to(ROOT)))
    for package in FORBIDDEN
    for path in sorted((ROOT / package).rglob("*.py"))
]


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level packages that a module imports, anywhere in it, by name or by ``import_module``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("import_module", "__import__"):
                yield str(node.args[0].value).split(".")[0]


def test_the_packages_are_there():
    assert (ROOT / "framework" / "split" / "edge.py") in [param.values[0] for param in FILES]


@pytest.mark.parametrize(("path", "forbidden"), FILES)
def test_no_import_points_back(path, forbidden):
    assert not set(imported(ast.parse(path.read_text()))) & forbidden


@pytest.mark.parametrize(
    "code",
    [
        "import bench",
        "from bench.runner.run import run",
        "def f():\n    import bench.cli as c",
        "importlib.import_module('bench.x')",
    ],
)
def test_an_arrow_back_would_be_noticed(code):
    assert "bench" in set(imported(ast.parse(code)))
