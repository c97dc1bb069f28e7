"""Fingerprints of what results depend on: source, installed versions, content."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import platform
import re
import secrets
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import LIBRARIES
from framework.registry import Registry

OURS = frozenset({"framework", "attacks", "bench"})
DISTRIBUTION = "pedbench"


def content_digest(*parts: object) -> str:
    """SHA-256 over arrays, data classes, containers and plain values, in hexadecimal."""
    sha = hashlib.sha256()
    for piece in _pieces(parts):
        sha.update(len(piece).to_bytes(8, "big"))
        sha.update(piece)
    return sha.hexdigest()


def _pieces(value: object) -> Iterator[bytes | memoryview]:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        yield f"{array.dtype.str}{array.shape}".encode()
        yield array.reshape(-1).view(np.uint8).data
    elif dataclasses.is_dataclass(value):
        yield type(value).__qualname__.encode()
        for field in dataclasses.fields(value):
            yield field.name.encode()
            yield from _pieces(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            yield from _pieces((key, value[key]))
    elif isinstance(value, (list, tuple)):
        yield f"{len(value)} parts".encode()
        for item in value:
            yield from _pieces(item)
    else:
        yield f"{type(value).__name__} {value!r}".encode()


@cache
def source_fingerprint(module: str) -> str:
    """A hash over the source of a module and of all of this project that it imports.

    Imports are followed wherever they stand in a file, but not those made by name at run time:
    name registered parts by `part_fingerprint`. A package counts with every file in its folder.
    A plug-in also counts with other modules of its distribution, or that are not installed, with
    files in its package or distribution that are no source, such as weights, and with versions of
    what it imports.
    A module whose source cannot be found has a new fingerprint in each process.
    """
    start = _file(module)
    if start is None:
        return secrets.token_hex(32)
    modules = _closure(module)
    sha = hashlib.sha256()
    files = {path for name in modules if (path := _file(name)) is not None}
    if start.name == "__init__.py":
        files |= {path for path in start.parent.rglob("*") if _is_source(path)}
    if _top(module) not in OURS:
        files |= set(_data_files(_top(module)))
        sha.update(_imported_versions(modules).encode())
    for path in sorted(files):
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


@cache
def package_fingerprint(module: str, *without: str) -> str:
    """A hash over the modules of its own top package that a module rests on, and itself.

    Args:
        module: its name.
        without: modules that change nothing of what it computes.
    """
    sha = hashlib.sha256()
    own = {name for name in _closure(module) if _top(name) == _top(module)}
    for name in sorted(own - set(without)):
        path = _file(name)
        if path is not None:
            sha.update(name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


def part_fingerprint(part: type) -> str:
    """A registered part's name and the `source_fingerprint` of its module, or its folder."""
    return f"{part.__qualname__} {source_fingerprint(part.__module__)}"


def code_of(registry: Registry[Any], names: Iterable[str]) -> dict[str, str]:
    """Fingerprints of registered parts, with version where another package brings them.

    They are named after kind and part, e.g. ``attack ridge``.
    """
    origins = registry.origins()
    return {
        f"{registry.kind} {name}": f"{part_fingerprint(registry.get(name))} {origins.get(name, '')}"
        for name in names
    }


@cache
def versions() -> str:
    """Python and every distribution that results rest on, with their versions."""
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        required = [dist.name for dist in metadata.distributions()]
    without = ("extra == 'dev'", "extra == 'dask'", "extra == 'demo'")
    texts = [text for text in required if not any(w in text.replace('"', "'") for w in without)]
    wanted = {_name(text) for text in texts}
    return ", ".join([f"python {platform.python_version()}", *map(_version, sorted(wanted))])


def _name(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    return match[0] if match else requirement


def _version(name: str) -> str:
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return f"{name} -"


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _top(module: str) -> str:
    return module.partition(".")[0]


def _data_files(top: str) -> Iterator[Path]:
    """Files of a top package, or of the distribution that brings it, that are no source."""
    origin = _file(top)
    found: list[Path] = []
    if origin is not None and origin.name == "__init__.py":
        found = list(origin.parent.rglob("*"))
    for name in _distributions().get(top, ()):
        files = metadata.distribution(name).files or []
        found += [Path(str(f.locate())) for f in files if not f.parts[0].endswith(".dist-info")]
    yield from {path.resolve() for path in found if _is_source(path) and path.suffix != ".py"}


def _imported_versions(modules: Iterable[str]) -> str:
    """The installed distributions that modules import from, with their versions."""
    known = _distributions()
    tops = {_top(name) for module in modules for name in _imports(module)}
    names = {distribution for top in tops for distribution in known.get(top, ())}
    return ", ".join(map(_version, sorted(names)))


@cache
def _distributions() -> Mapping[str, list[str]]:
    """The installed distributions by the modules that they bring."""
    return metadata.packages_distributions()


@cache
def _siblings(top: str) -> frozenset[str]:
    """The top modules that a distribution brings along with another author's one."""
    if top in OURS:
        return frozenset()
    known = _distributions()
    own = set(known.get(top, ()))
    return frozenset(each for each, names in known.items() if own & set(names))


@cache
def _is_loose(top: str) -> bool:
    """Whether a top module lies neither in the standard library nor among installed packages.

    Those may be of another environment too, such as the system's or the user's own.
    """
    origin = _origin(top)
    if origin is None or LIBRARIES & set(origin.parts):
        return False
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return not any(origin.is_relative_to(place) for place in places)


@cache
def _closure(module: str) -> frozenset[str]:
    """A module, and all that it leads to of this project, of its own distribution or of none."""
    roots = OURS | {_top(module)} | _siblings(_top(module))
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        followed = _top(name) in roots or _is_loose(_top(name))
        if name in found or not followed or _file(name) is None:
            continue
        found.add(name)
        waiting.extend(_imports(name))
        waiting.append(name.rpartition(".")[0])
    return frozenset(found)


@cache
def _imports(module: str) -> frozenset[str]:
    path = _file(module)
    tree = ast.parse(path.read_bytes()) if path else ast.Module([], [])
    package = module if path and path.name == "__init__.py" else module.rpartition(".")[0]
    return frozenset(_imported(_statements(tree), package))


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """A node and all statements within it, at any depth."""
    yield tree
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for inner in getattr(tree, field, ()):
            yield from _statements(inner)


def _imported(nodes: Iterable[ast.AST], package: str) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: package.count(".") + 2 - node.level]
                base = ".".join([*above, base] if base else above)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


@cache
def _file(module: str) -> Path | None:
    """The source file of a module, without importing it."""
    top, *inside = module.split(".")
    origin = _origin(top)
    if origin is None or not inside:
        return origin
    path = origin.parent.joinpath(*inside)
    candidates: tuple[Any, ...] = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


@cache
def _origin(top: str) -> Path | None:
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)
