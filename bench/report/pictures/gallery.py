"""Pictures of the main setting by size of the coalition and by attack."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench.report.aggregate.leakage import CONTROLS, adaptive
from bench.report.choice import main_cell
from bench.report.data import CEILING, CELL, FLOOR, RunData
from bench.report.pictures.most import leaks_most
from bench.report.pictures.tiles import Image, read_picture, read_seen
from bench.report.words import setting_words
from bench.words import plural

MOST_PHOTOS = 6
KINDS = ("inversion", "inpainting", FLOOR, CEILING)
"""Kinds of attacks in the order of the chooser."""


@dataclass(frozen=True)
class Coalition:
    """What one coalition saw of a photo, and what attackers made of it.

    Attributes:
        size: shards that collude.
        seen: uint8 [h, w, 3], or ``None`` where it was not kept.
        attacks: reconstructions with their hidden-region scores, by attack.
        most: the attack, controls aside, that leaks most in the hidden region; empty without one.
    """

    size: int
    seen: Image | None
    attacks: dict[str, tuple[Image, dict[str, float]]] = field(default_factory=dict)
    most: str = ""


@dataclass(frozen=True)
class GalleryPhoto:
    """One photo with its coalitions, the smallest first."""

    image_id: str
    truth: Image
    coalitions: tuple[Coalition, ...]


@dataclass(frozen=True)
class Gallery:
    """Photos of one setting, ``setting``; ``of`` names the shards that share the work."""

    setting: str
    of: str
    photos: tuple[GalleryPhoto, ...]

    @property
    def sizes(self) -> list[int]:
        """Sizes of coalitions whose pictures were kept, for any photo."""
        return sorted({each.size for photo in self.photos for each in photo.coalitions})

    @property
    def attacks(self) -> list[str]:
        """Names of attacks whose pictures were kept, for any photo, in order of appearance."""
        found = (each.attacks for photo in self.photos for each in photo.coalitions)
        return list(dict.fromkeys(name for attacks in found for name in attacks))

    @property
    def first(self) -> str:
        """The attack that is shown first: the one that leaks most of what is shown first."""
        return self.photos[0].coalitions[0].most


def gallery(run: RunData) -> Gallery | None:
    """Pictures of the main cell at every size of the coalition; ``None`` where none were kept.

    Raises:
        Undecided: no rule says which cell is the main one.
    """
    rows = run.scores[(run.scores["region"] != "") & run.scores["image_file"].notna()]
    rows = adaptive(rows)
    cell = main_cell(rows, run.config)
    if cell is None:
        return None
    same = {key: cell[key] for key in CELL if key != "coalition"}
    rows = rows.merge(pd.DataFrame([same]), on=list(same))
    rows = rows[rows["seed"].fillna(0) == rows["seed"].fillna(0).min()]
    photos = [
        photo
        for image_id, records in rows.groupby("image_id")
        if (photo := _photo(run.folder, str(image_id), records)) is not None
    ]
    if not photos:
        return None
    of = plural(int(cell["n_shards"]), "shard")
    return Gallery(setting_words(cell), of, tuple(photos[:MOST_PHOTOS]))


def _photo(folder: Path, image_id: str, records: pd.DataFrame) -> GalleryPhoto | None:
    truth = read_picture((folder / str(records["image_file"].iloc[0])).parent.parent / "truth.png")
    if truth is None:
        return None
    coalitions = tuple(
        _coalition(folder, int(str(size)), here) for size, here in records.groupby("coalition")
    )
    return GalleryPhoto(image_id, truth, coalitions)


def _coalition(folder: Path, size: int, records: pd.DataFrame) -> Coalition:
    place = (folder / str(records["image_file"].iloc[0])).parent
    found: dict[str, tuple[Image, dict[str, float]]] = {}
    kinds = records["attack_kind"].map({kind: n for n, kind in enumerate(KINDS)}).fillna(-1)
    for (_, attack), rows in records.groupby([kinds, "attack"]):
        picture = read_picture(folder / str(rows["image_file"].iloc[0]))
        if picture is not None:
            found[str(attack)] = picture, _scores(rows)
    real = set(records.loc[~records["attack_kind"].isin(CONTROLS), "attack"])
    scores = {name: scores for name, (_, scores) in found.items() if name in real}
    most = leaks_most(pd.DataFrame.from_dict(scores, orient="index"))
    first = next((name for name in found if name in most), "")
    return Coalition(size, read_seen(place), found, first)


def _scores(rows: pd.DataFrame) -> dict[str, Any]:
    hidden = rows[rows["region"] == "hidden"]
    return dict(zip(hidden["metric"], hidden["value"].astype(float), strict=True))
