"""Registries find parts in a folder and in installed packages."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from importlib.metadata import EntryPoint, distribution
from itertools import count
from typing import ClassVar

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


def test_an_installed_part_cannot_replace_a_built_in_one(kit, monkeypatch, capsys):
    parts = kit(a=part("alpha"))
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point_of_a_package()])
    warn_once.cache_clear()
    assert parts.names() == ["alpha"]
    assert type(parts.get("alpha")) is object
    assert parts.origins() == {}
    told = f"module {parts.package}.a and package numpy (bisect:bisect_left)"
    assert told in capsys.readouterr().err
    assert told in "".join(parts.problems())


def test_a_name_that_two_packages_claim_is_nobodys_and_both_are_named(kit, monkeypatch):
    parts = kit(b=part("beta"))
    points = [
        entry("alpha", "bisect:bisect_left")._for(distribution("scipy")),
        entry("alpha", "bisect:bisect_right")._for(distribution("numpy")),
    ]
    monkeypatch.setattr(registry_module, "entry_points", lambda group: points)
    assert parts.names() == ["beta"]
    told = "package numpy (bisect:bisect_right) and package scipy (bisect:bisect_left)"
    assert told in message_of(lambda: parts.get("alpha"))
    assert told in "".join(parts.problems())


def test_the_package_and_version_of_an_installed_part_are_known(kit, monkeypatch):
    parts = kit(b=part("beta"))
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point_of_a_package()])
    assert {k: str(v) for k, v in parts.origins().items()} == {
        "alpha": f"numpy@{distribution('numpy').version}"
    }
    assert parts.problems() == []


class Base(ABC):
    """A base class as those of attacks and metrics."""

    name: ClassVar[str] = ""
    kind: ClassVar[str]
    place: ClassVar[int] = 10

    @abstractmethod
    def act(self) -> None: ...


class Whole(Base):
    kind = "x"

    def act(self) -> None: ...


class KindLess(Base):
    def act(self) -> None: ...


class ActLess(Base):
    kind = "x"


class Worded(Whole):
    place = "first"


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Worded, "its place is 'first': give a whole number"),
        (len, f"not a subclass of {__name__}.Base"),
        (Whole(), f"not a subclass of {__name__}.Base"),
        (dict, f"not a subclass of {__name__}.Base"),
        (KindLess, "it lacks kind"),
        (ActLess, "it lacks act"),
    ],
)
def test_only_whole_parts_of_the_kind_are_taken(kit, monkeypatch, capsys, thing, words):
    registry = Registry("part", kit().package, "kit", Base)
    assert words in message_of(lambda: registry.register("wrong")(thing))
    monkeypatch.setattr(f"{__name__}.installed", thing, raising=False)
    point = entry("wrong", f"{__name__}:installed")._for(distribution("numpy"))
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point])
    warn_once.cache_clear()
    assert registry.names() == []
    for text in (capsys.readouterr().err, message_of(lambda: registry.get("wrong"))):
        assert "package numpy" in text
        assert words in text


def test_a_part_gets_the_name_it_is_registered_under(kit):
    registry = Registry("part", kit().package, "kit", Base)
    assert registry.register("whole")(Whole).name == "whole"


def test_objects_of_a_class_can_be_parts(kit):
    registry = Registry("part", kit().package, "kit", Base, instances=True)
    thing = Whole()
    assert registry.register("whole")(thing) is thing
    assert "not an object of" in message_of(lambda: registry.register("class")(Whole))


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
