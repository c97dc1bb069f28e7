"""Boards: settings of one data set and model, ranked by the worst known attack."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.render.table import Column, Table, number
from bench.report.words import readable
from bench.submission.admission import refusals, weakness
from bench.submission.entry import RANKED_BY, REGIONS, Entry
from bench.words import plural
from framework.errors import PedbenchError

GROUP = ["n_shards", "size", "coalition", "attacks"]
"""Ranks are within these: who faced fewer attacks must not rank before who faced more."""
DECIMALS = 2
"""Of a score."""
SETTINGS = {"defence": "Defence", "plan": "Plan", "policy": "Policy", "payload": "Payload"}
SHOWN = {
    "hidden": "what plans and policies protect: windows that the coalition did not receive",
    "visible": "what defences protect: windows that the coalition received",
}


@dataclass(frozen=True)
class Board:
    """What was measured on one data set with one model.

    Attributes:
        title: data set and model.
        photos: number of photos.
        tables: one a region, ranked.
    """

    title: str
    photos: int
    tables: tuple[Table, ...]


def boards(entries: Sequence[Entry]) -> list[Board]:
    """The boards of all admitted entries, in the order of their names.

    Raises:
        PedbenchError: two entries have one name; one challenges or reproduces none that is there.
    """
    check_names(entries)
    admitted = [entry for entry in entries if not refusals(entry)]
    groups: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in admitted:
        run = entry["run"]
        groups[run["dataset"], run["dataset_fingerprint"], run["weights"]].append(entry)
    return [_board(key, group) for key, group in sorted(groups.items())]


def check_names(entries: Sequence[Entry]) -> None:
    """Refuse two entries of one name, and an entry about none that stands for itself.

    Raises:
        PedbenchError: names the entry.
    """
    names = [entry["submission"]["name"] for entry in entries]
    for entry in entries:
        card = entry["submission"]
        if names.count(card["name"]) > 1:
            raise PedbenchError(f"two entries are named '{card['name']}': rename one in its card")
        other = _other(entry)
        if other and other not in names:
            raise PedbenchError(f"'{card['name']}' is about '{other}', which is not here: give it")
        if other and (further := _other(entries[names.index(other)])):
            raise PedbenchError(
                f"'{card['name']}' is about '{other}', which is about '{further}': "
                "name that in its card, or leave both fields empty"
            )


def _other(entry: Entry) -> str:
    """The submission that an entry is about; empty where it stands for itself."""
    card = entry["submission"]
    return card.get("challenges", "") or card.get("reproduces", "")


def _board(key: tuple[str, ...], entries: list[Entry]) -> Board:
    dataset, fingerprint, weights = key
    tables = [_table(region, entries) for region in REGIONS]
    photos = max(entry["run"]["images"] for entry in entries)
    return Board(
        f"{dataset} ({fingerprint}), weights {weights}",
        photos,
        tuple(table for table in tables if not table.frame.empty),
    )


def _table(region: str, entries: list[Entry]) -> Table:
    frame = pd.DataFrame(_rows(region, entries))
    if not frame.empty:
        frame = _ranked(frame)
    fixed = [name for name in SETTINGS if len(frame) > 1 and frame[name].nunique() == 1]
    told = ", ".join(f"{SETTINGS[name].lower()} {frame[name].iloc[0]}" for name in fixed)
    return Table(
        name=f"leaderboard_{region}",
        title=f"{region.title()}: {SHOWN[region]}",
        note=(f"Everywhere: {told}. " if told else "")
        + "Ranks are within a number of shards, a coalition and the same attacks. Worst known: "
        "per photo the attack that leaks most, then the mean, of whichever evaluation leaks most. "
        "Gain: over the strongest floor of each photo. Brackets: 95 % intervals over photos.",
        frame=frame,
        columns=(
            Column("rank", "Rank", 0),
            Column("submission", "Submission"),
            *(Column(name, label) for name, label in SETTINGS.items() if name not in fixed),
            Column("n_shards", "Shards", 0),
            Column("coalition", "Coalition"),
            Column(
                "value", "Worst known (dB)", DECIMALS, "higher is worse for privacy", interval=True
            ),
            Column("gain", "Gain (dB)", DECIMALS, "higher is worse for privacy"),
            Column("lpips", "LPIPS", 3, "lower is worse for privacy"),
            Column("kept", "mIoU kept", 3, "higher is better for the user"),
            Column("attack", "Strongest attack"),
            Column("faced", "Attacks", 0),
            Column("reported", "Reported (dB)", DECIMALS),
            Column("reproduced", "Reproduced"),
            Column("external", "External evaluation"),
            Column("unranked", "Without a rank because"),
        ),
    )


def _rows(region: str, entries: list[Entry]) -> Iterator[dict[str, Any]]:
    about: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        about[_other(entry)].append(entry)
    for entry in about[""]:
        others = about[entry["submission"]["name"]]
        lpips = {_key(score): score for score in _of(entry, region, "lpips")}
        for score in _of(entry, region, RANKED_BY):
            theirs = [(other, _same(other, region, score)) for other in others]
            found = [(other, same) for other, same in theirs if same is not None]
            yield _row(entry, score, lpips.get(_key(score)), found)


def _row(
    entry: Entry,
    score: dict[str, Any],
    lpips: dict[str, Any] | None,
    others: list[tuple[Entry, dict[str, Any]]],
) -> dict[str, Any]:
    setting = score["setting"]
    worst = max([score, *(same for _, same in others)], key=lambda each: each["value"])
    strength = f" {setting['strength']:g}" if setting["defence"] != "none" else ""
    adapted = ", adapted" if setting["adapted"] else ""
    choice = setting["coalition_choice"]
    return {
        **setting,
        "defence": readable(setting["defence"]) + strength,
        "plan": setting["plan"] + adapted,
        "size": setting["coalition"],
        "coalition": f"{setting['coalition']} ({choice})",
        "value": worst["value"],
        "value_low": worst["low"],
        "value_high": worst["high"],
        "gain": worst["gain"],
        "lpips": lpips["value"] if lpips else None,
        "attack": readable(worst["attack"]),
        "attacks": ", ".join(score["attacks"]),
        "faced": len(score["attacks"]),
        "reported": score["value"],
        "reproduced": _reproduced(entry, others),
        "external": _external(score, others),
        "kept": score["kept"],
        "unranked": weakness(score),
        "submission": entry["submission"]["name"],
    }


def _reproduced(entry: Entry, others: list[tuple[Entry, dict[str, Any]]]) -> str:
    """Values that others measured again, and what came of recomputing a sample."""
    name = entry["submission"]["name"]
    told = [
        f"{number(same['value'], 2)} dB ({other['submission']['name']})"
        for other, same in others
        if other["submission"].get("reproduces") == name
    ]
    sample = entry.get("verified")
    if sample:
        agree = "agree" if not sample["disagreeing"] else f"{sample['disagreeing']} disagree"
        told.append(f"{plural(sample['cells'], 'cell')} recomputed, {agree}")
    return "; ".join(told) or "not yet"


def _external(score: dict[str, Any], others: list[tuple[Entry, dict[str, Any]]]) -> str:
    told = [
        f"{number(same['value'], 2)} dB ({other['submission']['name']}"
        f"{', leaks more' if same['value'] > score['value'] else ''})"
        for other, same in others
        if other["submission"].get("challenges")
    ]
    return "; ".join(told) or "none"


def _ranked(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by shards, coalition, attacks and leakage, with ranks of those that have one.

    What looks equal shares a rank.
    """
    frame["behind"] = frame["unranked"] != ""
    frame["fewer"] = -frame["faced"]
    order = [*GROUP[:-1], "fewer", "attacks", "behind", "value"]
    frame = frame.sort_values([*order, "submission", "defence", "policy", "plan"])
    frame = frame.reset_index(drop=True)
    counted = ~frame["behind"]
    shown = frame["value"].astype(float).round(DECIMALS)
    ranks = frame[counted].assign(value=shown).groupby(GROUP, sort=False)["value"].rank("min")
    frame["rank"] = ranks.reindex(frame.index)
    return frame


def _of(entry: Entry, region: str, metric: str) -> Iterator[dict[str, Any]]:
    for score in entry["scores"]:
        if score["region"] == region and score["metric"] == metric:
            yield score


def _same(entry: Entry, region: str, score: dict[str, Any]) -> dict[str, Any] | None:
    """The score of the same setting in another entry."""
    same = (each for each in _of(entry, region, score["metric"]) if _key(each) == _key(score))
    return next(same, None)


def _key(score: dict[str, Any]) -> str:
    return json.dumps(score["setting"], sort_keys=True)
