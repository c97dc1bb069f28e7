"""The files of a run folder, and how they are discarded."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from bench.survey import JUDGEMENTS, KEY, PAGE
from framework.errors import PedbenchError

LOCK = "run.lock"
"""The file of this name tells which process a folder belongs to."""

ANOTHER_OUT = "give another --out, or free space there"

SETTINGS = "config.yaml"
RESULTS = ("journal.jsonl", "records.parquet", "latency.csv")
"""What a run leaves behind: one of them at least."""

VERIFIED = "verified.json"
"""A run folder's file of this name tells what came of the last verification."""

OWN = (SETTINGS, *RESULTS, "environment.json", "attackers.json", "report.html", VERIFIED)
OWN_FOLDERS = ("tables", "figures", "images")

LATENCY = "latency"
"""The field of `config.yaml` that a latency run alone has."""

WRITTEN = ({"preset", "groups", "save_images"}, {"preset", "model", LATENCY})
"""Fields that `config.yaml` has if this program wrote it, of each kind of run."""


def discard(folder: Path) -> None:
    """Delete what a run left in ``folder``, and nothing else; nothing where there is nothing.

    Raises:
        PedbenchError: there is something, but it is not a run's.
    """
    if not folder.exists() or all(path.name == LOCK for path in folder.iterdir()):
        return
    if not _is_run(folder):
        raise PedbenchError(
            f"--fresh: {folder} is not a run folder (a {SETTINGS} of a run beside its records), "
            "so nothing was deleted: give another --out"
        )
    for path in folder.iterdir():
        if path.name in (*OWN, PAGE, KEY, JUDGEMENTS) or path.name.endswith(".part"):
            path.unlink()
        elif path.name in OWN_FOLDERS:
            path.unlink() if path.is_symlink() else shutil.rmtree(path)


def _is_run(folder: Path) -> bool:
    try:
        content = yaml.safe_load((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return False
    known = isinstance(content, dict) and any(fields <= set(content) for fields in WRITTEN)
    return known and any((folder / name).is_file() for name in RESULTS)
