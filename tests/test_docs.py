"""What README and docs name exists: linked files, paths of the code, commands and their flags."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from bench.cli import build_parser
from framework.registry import Registry
from framework.split.defences import DEFENCES
from framework.split.detectors import DETECTORS
from framework.split.policies import POLICIES

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "results/README.md",
        ROOT / "framework/weights/README.md",
        ROOT / "attacks/weights/README.md",
        ROOT / "framework/split/detectors/weights/README.md",
        ROOT / "bench/recognition/detectors/weights/README.md",
    ]
)
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
PATH = re.compile(
    r"`((?:attacks|bench|deploy|docs|framework|notebooks|pedbench|studies|tests)/[^`\s]*)`"
)
MODULE = re.compile(r"\bstudies((?:\.[a-z_]+)+)\b")
COMMAND = re.compile(r"pedbench ([a-z]+)\b((?:[^\n`|]|\\\n)*)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TEMPLATE = re.compile(r"[A-Z]{3,}|[*{]")


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def subcommands() -> dict[str, argparse.ArgumentParser]:
    """Parser of each subcommand."""
    actions = build_parser()._actions
    return next(a.choices for a in actions if isinstance(a, argparse._SubParsersAction))


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    """Each page in turn."""
    return Path(request.param)


def test_every_relative_link_points_to_a_file_and_heading(page: Path) -> None:
    broken = []
    for target, fragment in LINK.findall(CODE.sub("", page.read_text())):
        if "://" in target:
            continue
        file = page.parent / target if target else page
        if not file.exists():
            broken.append(target)
        elif fragment and file.suffix == ".md":
            headings = {anchor(heading) for heading in HEADING.findall(file.read_text())}
            if fragment[1:] not in headings:
                broken.append(target + fragment)
    assert not broken


def test_every_path_in_backticks_exists(page: Path) -> None:
    paths = [path for path in PATH.findall(page.read_text()) if not TEMPLATE.search(path)]
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_every_study_that_is_named_exists(page: Path) -> None:
    places = [
        ROOT / "studies" / name[1:].replace(".", "/") for name in MODULE.findall(page.read_text())
    ]
    assert not [p for p in places if not (p.is_dir() or p.with_suffix(".py").exists())]


def test_every_command_and_flag_that_is_named_exists(page: Path) -> None:
    known = subcommands()
    shown = "\n".join(CODE.findall(page.read_text()))
    for name, rest in COMMAND.findall(shown):
        assert name in known, f"pedbench {name}"
        flags = set(FLAG.findall(rest.split("#")[0]))
        assert flags <= set(known[name]._option_string_actions), f"pedbench {name} {rest}"


@pytest.mark.parametrize("registry", [POLICIES, DEFENCES, DETECTORS], ids=lambda r: r.kind)
def test_every_part_of_the_split_is_described(registry: Registry[type]) -> None:
    text = (ROOT / "docs/defences.md").read_text()
    assert [name for name in registry.names() if f"| `{name}` |" not in text] == []
