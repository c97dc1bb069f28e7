"""What a defence changes in the pictures: reconstructions and masks by strength."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.report.aggregate.leakage import CONTROLS, adaptive
from bench.report.data import CELL, PIPELINE, RunData
from bench.report.pictures.tiles import Tile, optional, read_picture
from bench.report.words import protected
from bench.spec.cells import Pipeline

SAME = [name for name in CELL if name not in ("defence", "strength")]


def defended_tiles(run: RunData, cell: dict[str, Any], image_id: str, seed: int) -> Iterator[Tile]:
    """For each defence and strength, the reconstruction that shows most, and the masks.

    The scores are of the visible part, the windows that the coalition received: noise acts there.
    """
    rows = adaptive(run.scores[run.scores["image_file"].notna()])
    rows = rows[
        (rows["region"] == "visible")
        & (rows["image_id"] == image_id)
        & (rows["defence"] != "none")
        & (rows["seed"].fillna(0) == seed)
        & ~rows["attack_kind"].isin(CONTROLS)
    ]
    rows = rows.merge(pd.DataFrame([{key: cell[key] for key in SAME}]), on=SAME)
    for (defence, _), here in rows.groupby(["defence", "strength"]):
        name = protected(str(defence), float(here["strength"].iloc[0]))
        best = _shows_most(here)
        file = run.folder / str(best["image_file"].iloc[0])
        picture = read_picture(file)
        if picture is None:
            continue
        attack = str(best["attack"].iloc[0])
        scores = {str(m): float(v) for m, v in zip(best["metric"], best["value"], strict=True)}
        kind = str(best["attack_kind"].iloc[0])
        yield Tile(f"{attack}, {name}", kind, picture, scores, attack=attack)
        settings = {**cell, "defence": str(defence), "strength": here["strength"].iloc[0]}
        slug = Pipeline(**{key: settings[key] for key in PIPELINE}).slug
        home = file.parent.parent
        yield from optional(home / f"mask_{slug}.png", f"predicted masks, {name}", "mask")


def _shows_most(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the reconstruction with the highest PSNR; of several, the lowest LPIPS."""
    files = rows.pivot_table(index="image_file", columns="metric", values="value", observed=True)
    files = files.reindex(columns=["psnr", "lpips"])
    best = files.sort_values(["psnr", "lpips"], ascending=[False, True], kind="stable").index[0]
    return rows[rows["image_file"] == best]
