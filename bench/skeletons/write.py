"""Write a package of one part from the files beside this module."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from string import Template

from framework.errors import PedbenchError
from framework.files.writing import write_file

FILES = Path(__file__).parent / "files"
GROUPS = {
    "attack": "attacks",
    "defence": "defences",
    "metric": "metrics",
    "segmentation_metric": "segmentation_metrics",
    "policy": "policies",
    "detector": "detectors",
    "dataset": "datasets",
    "recogniser": "recognisers",
    "threat": "threats",
    "encoder": "encoders",
    "figure": "figures",
    "table": "tables",
}
"""Kinds of part, each with its word in ``pedbench list`` and in entry points."""
PRESET = "pedbench run --preset $folder/try.yaml --limit 1"
RUNS = {
    "attack": "pedbench run --preset attacks --attacks $name,telea --data embedded --limit 1",
    "defence": PRESET,
    "metric": "pedbench run --attacks telea --limit 1",
    "segmentation_metric": "pedbench run --attacks telea --limit 1",
    "policy": PRESET,
    "detector": PRESET,
    "dataset": "pedbench run --data $name:3 --attacks telea --limit 1",
    "recogniser": PRESET,
    "threat": PRESET,
    "encoder": PRESET,
    "figure": "pedbench paper results/quick-embedded",
    "table": "pedbench paper results/quick-embedded",
}
"""A command for each kind of part that uses a new one once it is installed."""
NAME = re.compile(r"[a-z][a-z0-9_]*")


def write_package(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a package with one part, its entry point and a test of its contract.

    Args:
        kind: one of `GROUPS`.
        name: of the part, in small letters, digits and underscores.
        folder: new, or empty.

    Returns:
        The files.

    Raises:
        PedbenchError: the name is none, or the folder holds something.
    """
    if not NAME.fullmatch(name):
        raise PedbenchError(
            f"'{name}': give small letters, digits and underscores, as in 'my_part'"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PedbenchError(f"{folder} exists and is not empty: give --out another folder")
    words = _words(kind, name)
    files = {
        "pyproject.toml": "pyproject.toml.txt",
        "README.md": "README.md.txt",
        f"{words['module']}.py": f"{kind}/part.py.txt",
        f"test_{words['module']}.py": f"{kind}/test.py.txt",
    }
    if (FILES / kind / "try.yaml.txt").is_file():
        files["try.yaml"] = f"{kind}/try.yaml.txt"
    return [
        write_file(folder / file, Template((FILES / source).read_text("utf-8")).substitute(words))
        for file, source in files.items()
    ]


def first_run(kind: str, name: str, folder: Path) -> str:
    """The command that tries a new part out."""
    return Template(RUNS[kind]).substitute(name=name, folder=shlex.quote(str(folder)))


def _words(kind: str, name: str) -> dict[str, str]:
    """What stands for each ``$word`` of the files."""
    camel = "".join(word.capitalize() for word in f"{name}_{kind}".split("_"))
    return {
        "kind": kind.replace("_", " "),
        "kinds": GROUPS[kind],
        "group": f"pedbench.{GROUPS[kind]}",
        "name": name,
        "title": name.upper() if kind == "threat" else camel,
        "module": f"pedbench_{name}",
        "package": f"pedbench-{name.replace('_', '-')}",
    }
