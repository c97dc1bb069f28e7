"""The pictures of a run, photo by photo, with their scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.report.aggregate.leakage import CONTROLS, adaptive
from bench.report.choice import main_cell
from bench.report.data import CEILING, CELL, FLOOR, PIPELINE, RunData
from bench.report.pictures.defended import defended_rows, defended_tiles
from bench.report.pictures.most import leaks_most
from bench.report.pictures.tiles import Tile, draw_owners, optional, read_picture, read_seen
from bench.report.words import setting_words
from bench.spec.cells import Pipeline
from bench.words import plural

KIND_ORDER = (CEILING, FLOOR, "inpainting", "inversion")


@dataclass(frozen=True)
class Strip:
    """One photo: the original, which shard had what, what was seen, the masks, and reconstructions.

    ``defended`` shows what defences of growing strength change, where those pictures were kept;
    ``largest`` tells whether no coalition of that size has a larger share of the picture.
    """

    image_id: str
    setting: str
    visible_fraction: float | None
    tiles: tuple[Tile, ...]
    defended: tuple[Tile, ...] = ()
    largest: bool = True


def strips(run: RunData) -> Iterator[Strip]:
    """A strip for every photo whose pictures were kept and can still be read.

    All of one cell, which `bench.report.choice.main_cell` picks, and of the first attacker seed.

    Raises:
        Undecided: no rule says which cell.
    """
    rows = run.scores[(run.scores["region"] != "") & run.scores["image_file"].notna()]
    cell = main_cell(adaptive(rows), run.config)
    if cell is None:
        return
    here = adaptive(rows).merge(pd.DataFrame([cell]), on=list(CELL))
    seed = int(here["seed"].fillna(0).min())
    here = here[here["seed"].fillna(0) == seed]
    defended = defended_rows(run, cell, seed)
    for image_id, records in here.groupby("image_id"):
        tiles = tuple(defended_tiles(run, cell, defended[defended["image_id"] == image_id]))
        strip = _strip(run, cell, str(image_id), records, tiles)
        if strip is not None:
            yield strip


def _strip(
    run: RunData,
    cell: dict[str, Any],
    image_id: str,
    records: pd.DataFrame,
    defended: tuple[Tile, ...],
) -> Strip | None:
    place = (run.folder / str(records["image_file"].iloc[0])).parent
    home = place.parent
    truth = read_picture(home / "truth.png")
    if truth is None:
        return None
    slug = Pipeline(**{key: cell[key] for key in PIPELINE}).slug
    tiles = [Tile("original", "truth", truth, {})]
    windows = _windows(home / f"owners_{slug}.json")
    if windows:
        tiles.append(Tile("which shard has what", "owners", draw_owners(truth, windows), {}))
    of = f"{cell['coalition']} of {plural(int(cell['n_shards']), 'shard')}"
    tiles += optional(read_seen(place), f"what {of} saw", "seen")
    tiles += optional(read_picture(home / "mask_truth.png"), "true masks", "mask")
    tiles += optional(read_picture(home / f"mask_{slug}.png"), "predicted masks", "mask")
    tiles += _reconstructions(run, records)
    return Strip(
        image_id,
        f"{of}, {setting_words(cell)}",
        _visible(run, cell, image_id),
        tuple(tiles),
        defended,
        cell["coalition_choice"] == "largest",
    )


def _reconstructions(run: RunData, records: pd.DataFrame) -> Iterator[Tile]:
    hidden = records[records["region"] == "hidden"]
    scores = hidden.pivot_table(index="attack", columns="metric", values="value", observed=True)
    files = records.drop_duplicates("attack").set_index("attack")
    real = files.index[~files["attack_kind"].isin(CONTROLS)]
    most = leaks_most(scores.reindex(real))
    order = {kind: place for place, kind in enumerate(KIND_ORDER)}
    places = files["attack_kind"].map(order).fillna(len(order))
    for attack in places.sort_values(kind="stable").index:
        picture = read_picture(run.folder / str(files.loc[attack, "image_file"]))
        if picture is None:
            continue
        own = scores.loc[attack].dropna().to_dict() if attack in scores.index else {}
        kind = str(files.loc[attack, "attack_kind"])
        values = {str(metric): float(value) for metric, value in own.items()}
        yield Tile(str(attack), kind, picture, values, attack in most, str(attack))


def _visible(run: RunData, cell: dict[str, Any], image_id: str) -> float | None:
    if "visible_fraction" not in run.exposure:
        return None
    keys = [*PIPELINE, "coalition", "coalition_choice"]
    wanted = pd.DataFrame([{**{key: cell[key] for key in keys}, "image_id": image_id}])
    found = run.exposure.merge(wanted, on=[*keys, "image_id"])["visible_fraction"].dropna()
    return None if found.empty else float(found.iloc[0])


def _windows(path: Path) -> list[list[int]]:
    try:
        windows: list[list[int]] = json.loads(path.read_text(encoding="utf-8"))["windows"]
    except (OSError, ValueError, KeyError):
        return []
    return windows
