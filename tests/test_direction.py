"""``framework`` ← ``attacks`` ← ``bench``: no import points back, and none runs in a circle.

Imports stand at the top of a file, but where a comment says why not.
"""

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
FILES = {path: package for package in FORBIDDEN for path in sorted((ROOT / package).rglob("*.py"))}


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


def test_no_import_points_back():
    assert ROOT / "framework" / "split" / "edge.py" in FILES
    back = {
        str(path.relative_to(ROOT)): found
        for path, package in FILES.items()
        if (found := set(imported(ast.parse(path.read_text()))) & FORBIDDEN[package])
    }
    assert not back


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
    assert circle(graph(["framework", "attacks", "bench", "pedbench"])) == []


def test_a_circle_would_be_noticed():
    below = "if TYPE_CHECKING:\n    from a.c import C\ndef f():\n    import a.d"
    sources = {"a.b": "from a import c", "a.c": "import a.d", "a.d": "from a.b import x"}
    for changed in (sources, {"a.c": "from a.d import D", "a.d": below}):
        found = {n: neighbours(ast.parse(text), changed) for n, text in changed.items()}
        assert set(circle(found)) == set(changed)
    assert circle({"a.d": neighbours(ast.parse("def f():\n    import a.d"), ["a.d"])}) == []


COMMANDS = {"cli", "flags"}
"""Rooms of `bench` whose imports within functions are explained in `bench/cli/__init__.py`."""


def unexplained_imports(code: str) -> list[int]:
    """Lines of imports within functions that have no comment, behind them or on the line above."""
    lines = code.splitlines()
    return sorted(
        {
            inner.lineno
            for node in ast.walk(ast.parse(code))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for inner in ast.walk(node)
            if isinstance(inner, (ast.Import, ast.ImportFrom))
            and "#" not in lines[inner.lineno - 1]
            and not lines[inner.lineno - 2].lstrip().startswith("#")
        }
    )


def test_imports_stand_at_the_top_or_say_why_not():
    unexplained = {
        str(path.relative_to(ROOT)): lines
        for path in FILES
        if not COMMANDS & set(path.relative_to(ROOT).parts)
        and (lines := unexplained_imports(path.read_text()))
    }
    assert not unexplained


def test_an_unexplained_import_would_be_noticed():
    assert unexplained_imports("import a\ndef f():\n    import b") == [3]
    assert unexplained_imports("def f():\n    # takes 1 s\n    import b") == []
    assert unexplained_imports("def f():\n    import b  # takes 1 s") == []
