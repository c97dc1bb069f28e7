"""What is told of a data set by those who made it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class About:
    """Facts that no program can find out; empty where they are not told.

    Attributes:
        description: one or two sentences.
        licence: a name or an address.
        url: where the data set is described.
        creators: people or institutions.
        version: in three numbers.
        published: a date, year first.
        cite_as: how to cite it.
        collection: how the photos came about.
        annotation: how the masks were made, and by whom.
        limitations: what the data do not serve for.
        biases: which people, places or things are missing or frequent.
        personal: personal or sensitive information in it.
        uses: what it was made for.
        impact: what may come of using it.
        maintenance: who mends it, and how versions are told apart.
    """

    description: str = ""
    licence: str = ""
    url: str = ""
    creators: tuple[str, ...] = ()
    version: str = ""
    published: str = ""
    cite_as: str = ""
    collection: str = ""
    annotation: str = ""
    limitations: str = ""
    biases: str = ""
    personal: str = ""
    uses: str = ""
    impact: str = ""
    maintenance: str = ""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> About:
        """The facts among ``told`` by the names of the fields; what is no text is left out."""
        names = {field.name for field in dataclasses.fields(cls)} - {"creators"}
        texts = {name: str(told[name]) for name in names if isinstance(told.get(name), (str, int))}
        people = told.get("creators", ())
        people = [people] if isinstance(people, str) else people
        return cls(**texts, creators=tuple(map(str, people)) if people else ())

    @property
    def untold(self) -> list[str]:
        """Names of the facts that are not told."""
        return [name for name, value in dataclasses.asdict(self).items() if not value]


@dataclass(frozen=True)
class PhotoFile:
    """The file of one photo.

    Attributes:
        url: where it lies, relative to the data set.
        path: where it lies here.
    """

    url: str
    path: Path
