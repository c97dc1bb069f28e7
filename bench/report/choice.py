"""Which one setting a figure or a sentence shows, where a run has several.

A rule decides, never the order in which names sort; what no rule decides is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.aggregate.curves import PAYLOADS
from bench.report.base import Undecided
from bench.report.data import CELL, EARLIEST
from bench.spec.cells import COALITION_CHOICES

Config = Mapping[str, Any]

PREFERRED: dict[str, tuple[Any, ...]] = {
    "plan": ("interleaved", "globals_last", "prefix", "centralized", "local"),
    "payload": PAYLOADS,
    "defence": ("none",),
    "adapted": (False,),
    "coalition_choice": COALITION_CHOICES,
    "stage": (EARLIEST,),
}
"""Values in the order in which they are shown, other things being equal."""
SMALLEST_FIRST = ("coalition", "n_shards")
MOST_NAMED = 4


def main_cell(leakage: pd.DataFrame, config: Config) -> dict[str, Any] | None:
    """The cell (`CELL`) that stands for a run.

    It is the first that ``pictures`` of the configuration names. Of several, the undefended, in
    stock order, in the most exact payload, with most attacks, of the commonest policy, of the
    smallest coalition of the fewest shards; then by `PREFERRED`; then the one that the
    configuration names first. None without rows.

    Raises:
        Undecided: several cells are still alike.
    """
    if leakage.empty:
        return None
    cells = leakage.groupby(CELL, dropna=False)["attack"].nunique().reset_index(name="attacks")
    cells = _pictured(cells, config)
    rank = pd.DataFrame({"alone": cells["n_shards"] == 1, "defended": cells["defence"] != "none"})
    rank["adapted"] = cells["adapted"].astype(bool)
    rank["payload"] = _places(cells["payload"], PAYLOADS)
    rank["attacks"] = -cells["attacks"]
    rank["policy"] = -cells["policy"].map(leakage["policy"].value_counts())
    rank["coalition"], rank["n_shards"] = cells["coalition"], cells["n_shards"]
    for key, order in PREFERRED.items():
        rank[f"{key} preferred"] = _places(cells[key], order)
    for key in ("plan", "payload", "policy", "defence", "strength"):
        rank[f"{key} named"] = _places(cells[key], list(_named(config, key)))
    best = list(rank.astype(float).itertuples(index=False, name=None))
    first = cells[[row == min(best) for row in best]]
    if len(first) > 1:
        raise undecided(first[CELL])
    return {key: first.iloc[0][key] for key in CELL}


def commonest(rows: pd.DataFrame, keys: Sequence[str], config: Config) -> pd.DataFrame:
    """The rows of one setting, so that a line is one thing.

    Key by key the value with most rows; of several, the one that the configuration's ``pictures``
    name, then the first of `PREFERRED`, then the one that the configuration names first, then the
    smallest coalition and the fewest shards.

    Raises:
        Undecided: several values are still alike.
    """
    for key in keys:
        counts = rows[key].value_counts()
        alike = list(counts.index[counts == counts.max()])
        if len(alike) > 1:
            order = [*_pictures(config, key), *PREFERRED.get(key, ()), *_named(config, key)]
            order += sorted(alike) if key in SMALLEST_FIRST else []
            alike = [value for value in order if value in alike][:1] or alike
        if len(alike) > 1:
            raise undecided(rows.loc[rows[key].isin(alike), [key]].drop_duplicates())
        if alike:
            rows = rows[rows[key] == alike[0]]
    return rows


def undecided(settings: pd.DataFrame) -> Undecided:
    """The error that names what tells the settings apart."""
    apart = [name for name in settings if settings[name].nunique(dropna=False) > 1]
    names = [
        " ".join(f"{name} {value}" for name, value in zip(apart, row, strict=True))
        for row in settings[apart].itertuples(index=False, name=None)
    ]
    more = f" or {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return Undecided(
        f"several settings come first alike, {' or '.join(names[:MOST_NAMED])}{more}: "
        "name one under 'pictures' in the run's config.yaml"
    )


def _pictured(cells: pd.DataFrame, config: Config) -> pd.DataFrame:
    for wanted in config.get("pictures") or ():
        match = cells
        for key, value in wanted.items():
            match = match[match[key] == value] if key in match else match
        if not match.empty:
            return match.reset_index(drop=True)
    return cells


def _pictures(config: Config, key: str) -> Iterator[Any]:
    yield from (wanted[key] for wanted in config.get("pictures") or () if key in wanted)


def _named(config: Config, key: str) -> Iterator[Any]:
    """The values of a pipeline's field, in the order of the configuration's groups."""
    for group in config.get("groups") or ():
        yield from group.get("grid", {}).get(key, ())


def _places(column: pd.Series, order: Sequence[Any]) -> pd.Series:
    """The place of each value in an order; behind its end where it is not there."""
    places = {value: place for place, value in reversed(list(enumerate(order)))}
    return column.map(lambda value: places.get(value, len(order)))
