"""The card of a submission: who measured what, as `card.json` beside the records tells it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.submission.json_file import read_json

FILE = "card.json"
"""A submission's file of this name."""


@dataclass(frozen=True)
class SubmissionCard:
    """What people say about a run that they submit.

    Attributes:
        name: of the submission: lower-case letters, digits and hyphens.
        title: one line.
        authors: names.
        date: year-month-day.
        kind: ``defence``, ``plan`` or ``policy`` where that is what is submitted; ``evaluation``
            where others' are measured.
        summary: what was done, in a few sentences.
        licence: of the records, as an SPDX identifier.
        link: to a paper or to code.
        challenges: name of the submission that this evaluation attacks with more.
        reproduces: name of the submission that this evaluation measures again.
    """

    name: str
    title: str
    authors: tuple[str, ...]
    date: str
    kind: Literal["defence", "plan", "policy", "evaluation"]
    summary: str
    licence: str
    link: str = ""
    challenges: str = ""
    reproduces: str = ""


EXAMPLE: dict[str, Any] = {
    "name": "my-defence-2026",
    "title": "My defence",
    "authors": ["A. Author"],
    "date": "2026-01-31",
    "kind": "defence",
    "summary": "What was done, in a few sentences.",
    "licence": "CC-BY-4.0",
    "link": "https://example.org/paper",
    "challenges": "",
    "reproduces": "",
}


def read_card(folder: Path) -> SubmissionCard:
    """The card of a submission that is known to be valid.

    Raises:
        PedbenchError: there is none, or it is no JSON object.
    """
    content = read_json(folder / FILE)
    return SubmissionCard(**{**content, "authors": tuple(content["authors"])})
