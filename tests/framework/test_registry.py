"""Registries find parts in a folder and in installed packages."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, distribution
from itertools import count

import pytest

from framework import registry as registry_module
from framework.registry import Registry
from framework.warn import warn_once
from tests.framework.support import message_of

numbers = count()


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """Makes a registry over a fresh package with the given modules."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [])
    made: list[str] = []

    def make(**modules: str) -> Registry:
        name = f"kit{next(numbers)}"
        made.append(name)
        folder = tmp_path / name
        folder.mkdir()
        base = "from framework.registry import Registry\n"
        (folder / "__init__.py").write_text(f"{base}PARTS = Registry('part', '{name}', 'kit')\n")
        for module, body in modules.items():
            (folder / f"{module}.py").write_text(f"from {name} import PARTS\n{body}\n")
        return __import__(name).PARTS

    yield make
    for name in [m for m in sys.modules if m.split(".")[0] in made]:
        del sys.modules[name]


def part(name: str) -> str:
    return f"PARTS.register('{name}')(object())"


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group="kit")


def test_modules_of_the_package_are_found(kit):
    parts = kit(b=part("beta"), a=part("alpha") + "\n" + part("gamma"))
    assert parts.names() == ["alpha", "beta", "gamma"]
    assert dict(parts.items())["beta"] is parts.get("beta")


def test_modules_are_imported_when_first_asked_for(kit):
    parts = kit(a=part("alpha"))
    assert f"{parts.package}.a" not in sys.modules
    parts.names()
    assert f"{parts.package}.a" in sys.modules


def test_unknown_name(kit):
    parts = kit(a=part("alpha") + "\n" + part("beta"))
    assert message_of(lambda: parts.get("alpah")) == (
        "unknown part 'alpah': did you mean 'alpha'? known are alpha, beta"
    )
    assert "did you mean" not in message_of(lambda: parts.get("xyz"))


def test_duplicate_names_are_refused(kit):
    parts = kit(a=part("alpha"), b=part("alpha"))
    text = message_of(parts.names)
    assert "two parts claim the part name 'alpha'" in text
    assert f"module {parts.package}.a and module {parts.package}.b" in text


def test_registering_the_same_part_again_is_harmless(kit):
    parts = kit()
    thing = object()
    assert parts.register("x")(thing) is parts.register("x")(thing) is thing


def test_a_module_that_fails_is_not_forgotten(kit):
    parts = kit(a=part("alpha"), b="raise RuntimeError('broken')")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            parts.names()


def test_installed_parts(kit, monkeypatch):
    parts = kit(a=part("alpha"))
    points = [entry("sorter", "bisect:bisect_left")]
    monkeypatch.setattr(
        registry_module, "entry_points", lambda group: points if group == "kit" else []
    )
    from bisect import bisect_left

    assert parts.names() == ["alpha", "sorter"]
    assert parts.get("sorter") is bisect_left


def test_an_installed_part_cannot_replace_a_built_in_one(kit, monkeypatch):
    parts = kit(a=part("alpha"))
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point_of_a_package()])
    text = message_of(parts.names)
    assert "two parts claim" in text
    assert f"module {parts.package}.a and package numpy (bisect:bisect_left)" in text


def point_of_a_package(value: str = "bisect:bisect_left") -> EntryPoint:
    """An entry point ``alpha`` as numpy's would be."""
    return entry("alpha", value)._for(distribution("numpy"))


@pytest.mark.parametrize("value", ["no_such_module:x", "bisect:no_such_name"])
def test_a_broken_installed_part_is_a_warning_until_it_is_asked_for(
    kit, monkeypatch, capsys, value
):
    parts = kit(b=part("beta"))
    points = [point_of_a_package(value), entry("sorter", "bisect:bisect_left")]
    monkeypatch.setattr(registry_module, "entry_points", lambda group: points)
    warn_once.cache_clear()
    assert parts.names() == ["beta", "sorter"]
    warning = capsys.readouterr().err.strip()
    assert "\n" not in warning
    for text in (warning, message_of(lambda: parts.get("alpha"))):
        assert "'alpha' of package numpy" in text
        assert value in text


def test_a_part_that_exits_when_imported_ends_nothing(kit, monkeypatch, tmp_path, capsys):
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)")
    parts = kit(b=part("beta"))
    points = [entry("alpha", "leaves:x")]
    monkeypatch.setattr(registry_module, "entry_points", lambda group: points)
    assert parts.names() == ["beta"]
