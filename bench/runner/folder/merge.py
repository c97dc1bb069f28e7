"""Parts of one run, put together in one folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from bench.attackers.cards import keep, read_cards
from bench.runner.folder import provenance as environment
from bench.runner.folder.contents import ANOTHER_OUT, LOCK, SETTINGS
from bench.runner.folder.facts import contradicting, grown
from bench.runner.folder.journal import JOURNAL, Journal, Unit, finished, unit_id
from bench.runner.folder.lock import locked
from bench.spec.config import RunConfig, read_config
from framework.errors import PedbenchError
from framework.files.writing import make_folder, write_file, writing
from framework.warn import warn

SAME_FACTS = ("weights", "adapted_weights", "dataset_fingerprint", "public", "outside")
"""Facts of `environment.json` that parts of one run share."""

PHOTO, PACKAGES = "the photo", "installed packages"
"""Inputs as `bench.cache.keys` names them."""
PATHS = frozenset({"checkpoint", "adapted_checkpoint", "images", "annotations", "remote"})
"""Settings that may differ from host to host: their content is among the facts and in the keys."""


def merge(parts: Sequence[Path], out: Path) -> int:
    """Put parts of one run together in a new folder; the number of its units.

    A unit that several parts have under one key is taken once. Parts that other versions of
    packages computed are merged with a warning, and so are parts that leave cells out.

    Raises:
        PedbenchError: a part is no run, or of another run; two parts have one unit under different
            keys, or depend on different photos, weights or code; ``out`` holds something.
    """
    configs = [_read(part) for part in parts]
    facts = [environment.read_environment(part) for part in parts]
    for part, config, known in zip(parts[1:], configs[1:], facts[1:], strict=True):
        _check_same(parts[0], configs[0], part, config)
        changed = [name for name in SAME_FACTS if known.get(name) != facts[0].get(name)]
        changed += contradicting(facts[0], known)
        if changed:
            raise _strangers(parts[0], part, changed)
        facts[0] |= grown(facts[0], known)
    make_folder(out, ANOTHER_OUT)
    if any(out.iterdir()):
        raise PedbenchError(f"{out} is not empty: give another --out")
    with locked(out), _left_empty_on_failure(out):
        journal, inputs = Journal(out / JOURNAL), Inputs()
        try:
            for part in parts:
                _add(part, journal, inputs)
        finally:
            journal.close()
        _tell_missing(configs[0], journal)
        for part in parts:
            if (part / "images").is_dir():
                with writing(out / "images", ANOTHER_OUT):
                    shutil.copytree(part / "images", out / "images", dirs_exist_ok=True)
            keep(out, read_cards(part))
        write_file(out / environment.FILE, json.dumps(facts[0], indent=2), ANOTHER_OUT)
        write_file(out / SETTINGS, configs[0].to_yaml(), ANOTHER_OUT)
    return len(journal.done)


@contextmanager
def _left_empty_on_failure(out: Path) -> Iterator[None]:
    """Around what fills the empty folder ``out``, so that it can be tried again."""
    try:
        yield
    except BaseException:
        for path in out.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()
        raise


def _read(part: Path) -> RunConfig:
    if not (part / SETTINGS).is_file() or not (part / JOURNAL).is_file():
        raise PedbenchError(
            f"{part} is not a run folder with its {JOURNAL}: give folders as 'pedbench run' left "
            "them; the slim ones of results/reference kept none"
        )
    return read_config(part / SETTINGS)


def _check_same(first: Path, config: RunConfig, part: Path, other: RunConfig) -> None:
    changed = [
        field.name
        for field in fields(RunConfig)
        if field.name not in PATHS and getattr(config, field.name) != getattr(other, field.name)
    ]
    if changed:
        raise _strangers(first, part, changed)


def _strangers(first: Path, part: Path, changed: Sequence[str]) -> PedbenchError:
    names = ", ".join(name.replace("_", " ") for name in changed)
    return PedbenchError(
        f"{first} and {part} do not belong together, they differ in {names}: merge parts of one run"
    )


class Inputs:
    """What the units of all parts depend on, which must be the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, Path]] = {}
        self._packages_differ = False

    def check(self, part: Path, unit: Unit) -> None:
        """Compare a unit's inputs with those of earlier ones on its photo or of its cell.

        Raises:
            PedbenchError: they differ; names which.
        """
        for name, digest in unit.inputs.items():
            place = unit.image_id if name == PHOTO else unit.cell.id
            known, first = self._known.setdefault((place, name), (digest, part))
            if known != digest and name != PACKAGES:
                of = f"{name} {unit.image_id}" if name == PHOTO else name
                raise _strangers(first, part, [of])
            if known != digest and not self._packages_differ:
                self._packages_differ = True
                warn(f"{first} and {part} were computed by other versions of packages")


def _tell_missing(config: RunConfig, journal: Journal) -> None:
    images = {unit.image_id for unit in journal.done.values()}
    wanted = {unit_id(cell, image) for cell in config.cells() for image in images}
    if missing := len(wanted - set(journal.done)):
        warn(
            f"{missing} of {len(wanted)} cells are in none of the parts: merge all parts, or "
            "compute them by 'pedbench run' in the merged folder"
        )


def _add(part: Path, journal: Journal, inputs: Inputs) -> None:
    """Copy what ``journal`` lacks of a part."""
    for units, records, provenance in finished(part / JOURNAL):
        new = []
        for unit in units:
            inputs.check(part, unit)
            known = journal.done.get(unit_id(unit.cell, unit.image_id))
            if known is None or known.failed:
                new.append(unit)
            elif known.key != unit.key:
                raise PedbenchError(
                    f"{part} has {unit.image_id} under another key than a part before it: photos, "
                    "settings or code changed between the parts, run one of them again"
                )
        if new:
            journal.append(new, records, provenance)
