"""What noise on the payload changes in the pictures: reconstructions and masks by strength."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.output.leakage import CONTROLS, adaptive
from bench.output.rundata import PIPELINE, RunData
from bench.output.tiles import Tile, optional, read_picture
from bench.scenario import Pipeline

SAME = ["plan", "payload", "policy", "n_shards", "coalition", "coalition_choice", "stage"]


def defended_tiles(run: RunData, cell: dict[str, Any], image_id: str) -> Iterator[Tile]:
    """For each defence and strength, the reconstruction that shows most, and the masks.

    The scores are of the visible part, the windows that the coalition received: noise acts there.
    """
    rows = adaptive(run.scores[run.scores["image_file"].notna()])
    rows = rows[
        (rows["region"] == "visible")
        & (rows["image_id"] == image_id)
        & (rows["defence"] != "none")
        & ~rows["attack_kind"].isin(CONTROLS)
    ]
    rows = rows.merge(pd.DataFrame([{key: cell[key] for key in SAME}]), on=SAME)
    for (defence, strength), here in rows.groupby(["defence", "strength"]):
        name = f"{'noise' if defence == 'gaussian' else defence} {strength:g}"
        best = _shows_most(here)
        file = run.folder / str(best["image_file"].iloc[0])
        picture = read_picture(file)
        if picture is None:
            continue
        attack = str(best["attack"].iloc[0])
        scores = {str(m): float(v) for m, v in zip(best["metric"], best["value"], strict=True)}
        yield Tile(f"{attack}, {name}", str(best["attack_kind"].iloc[0]), picture, scores)
        settings = {**cell, "defence": str(defence), "strength": here["strength"].iloc[0]}
        slug = Pipeline(**{key: settings[key] for key in PIPELINE}).slug
        home = file.parent.parent
        yield from optional(home / f"mask_{slug}.png", f"predicted masks, {name}", "mask")


def _shows_most(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the reconstruction with the highest PSNR."""
    psnr = rows[rows["metric"] == "psnr"].sort_values("value", ascending=False)
    file = (rows if psnr.empty else psnr)["image_file"].iloc[0]
    return rows[rows["image_file"] == file]
