"""``framework`` ← ``attacks`` ← ``bench``: no import points back, and none runs in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
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


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of function bodies; blocks under ``TYPE_CHECKING`` are among them."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from outside_functions(child)


def neighbours(tree: ast.AST, modules: Iterable[str]) -> set[str]:
    """Those of ``modules`` that a module imports, not counting its functions."""
    found = set()
    for node in outside_functions(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "imports are absolute"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in whole}
    return found & set(modules)


def graph(packages: Iterable[str]) -> dict[str, set[str]]:
    """Each module of the packages, and the modules that it imports."""
    trees = {}
    for path in (path for package in packages for path in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if "proto" not in parts:  # generated
            trees[name] = ast.parse(path.read_text())
    return {name: neighbours(tree, trees) - {name} for name, tree in trees.items()}


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import one another, in order; none if there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_imports_run_in_a_circle():
    assert circle(graph(["framework", "attacks"])) == []


def test_a_circle_would_be_noticed():
    below = "if TYPE_CHECKING:\n    from a.c import C\ndef f():\n    import a.d"
    sources = {"a.b": "from a import c", "a.c": "import a.d", "a.d": "from a.b import x"}
    for changed in (sources, {"a.c": "from a.d import D", "a.d": below}):
        found = {n: neighbours(ast.parse(text), changed) for n, text in changed.items()}
        assert set(circle(found)) == set(changed)
    assert circle({"a.d": neighbours(ast.parse("def f():\n    import a.d"), ["a.d"])}) == []
