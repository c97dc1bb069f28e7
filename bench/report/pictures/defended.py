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
TILE = ["image_id", "defence", "strength"]


def defended_rows(run: RunData, cell: dict[str, Any], seed: int) -> pd.DataFrame:
    """For each photo, defence and strength, the scores of the reconstruction that shows most.

    That is the one with the highest PSNR; of several, the lowest LPIPS. The scores are of the
    visible part, the windows that the coalition received: noise acts there.
    """
    rows = adaptive(run.scores[run.scores["image_file"].notna()])
    rows = rows[
        (rows["region"] == "visible")
        & (rows["defence"] != "none")
        & (rows["seed"].fillna(0) == seed)
        & ~rows["attack_kind"].isin(CONTROLS)
    ]
    rows = rows.merge(pd.DataFrame([{key: cell[key] for key in SAME}]), on=SAME)
    wide = rows.pivot_table(
        index=[*TILE, "image_file"], columns="metric", values="value", observed=True
    )
    wide = wide.reindex(columns=["psnr", "lpips"]).reset_index()
    wide = wide.sort_values(["psnr", "lpips"], ascending=[False, True], kind="stable")
    best = wide.drop_duplicates(TILE)[[*TILE, "image_file"]]
    return rows.merge(best, on=[*TILE, "image_file"])


def defended_tiles(run: RunData, cell: dict[str, Any], rows: pd.DataFrame) -> Iterator[Tile]:
    """Reconstruction and masks of one photo by defence and strength.

    Args:
        run: with the pictures.
        cell: the cell of the strip.
        rows: those of `defended_rows` of this photo.
    """
    for (defence, _), best in rows.groupby(["defence", "strength"]):
        name = protected(str(defence), float(best["strength"].iloc[0]))
        file = run.folder / str(best["image_file"].iloc[0])
        picture = read_picture(file)
        if picture is None:
            continue
        attack = str(best["attack"].iloc[0])
        scores = {str(m): float(v) for m, v in zip(best["metric"], best["value"], strict=True)}
        kind = str(best["attack_kind"].iloc[0])
        yield Tile(f"{attack}, {name}", kind, picture, scores, attack=attack)
        settings = {**cell, "defence": str(defence), "strength": best["strength"].iloc[0]}
        slug = Pipeline(**{key: settings[key] for key in PIPELINE}).slug
        masks = read_picture(file.parent.parent / f"mask_{slug}.png")
        yield from optional(masks, f"predicted masks, {name}", "mask")
