"""Which entries are ranked: the rules, and what an entry lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from bench.submission.entry import Entry
from bench.words import plural

SEEDS = (0, 1, 2)
"""The attackers' seeds that every entry has."""
LEAST_IMAGES = 20
KEPT = 0.98
"""The share of the undefended mIoU that a ranked entry keeps."""

RULES = (
    "Fixed seeds: the run has at least the attackers' seeds 0, 1 and 2, and so has the strongest "
    "attack of a score, if it is random; so that no seed is chosen.",
    "Adaptive: with a defence, attackers that learn are trained through it, at its strength.",
    "Disjoint data: no data set that attackers learn from is the scored one. A run also refuses "
    "scored photos that look like public ones.",
    "Enough attackers: in the hidden part an inpainter is among them, in the visible part an "
    "inversion that was trained.",
    "The same attacks: ranks are among scores that faced the same ones.",
    f"Enough photos: at least {LEAST_IMAGES}.",
    "Committed code: the commit is known and had no changes; the weights are trained.",
    "Records that hold: no cell of the last 'pedbench verify' disagrees.",
    f"Equal utility: at least {KEPT:.0%} of the mIoU without defence is kept. Entries that keep "
    "less, or did not measure it, are shown without a rank.",
)


def refusals(entry: Entry) -> list[str]:
    """Why none of an entry's scores is ranked; empty where they may be."""
    disagreeing = (entry.get("verified") or {}).get("disagreeing", 0)
    found = [f"{plural(disagreeing, 'cell')} disagreed when computed again"] if disagreeing else []
    return [*_refusals(entry["run"]), *found]


def unranked(entry: Entry) -> list[str]:
    """Why an entry, or some of its scores, are without a rank; empty where all have one."""
    why = Counter(filter(None, map(weakness, entry["scores"])))
    return [
        *refusals(entry),
        *(f"{text} ({plural(count, 'score')})" for text, count in why.items()),
    ]


def _refusals(run: dict[str, Any]) -> Iterator[str]:
    missing = sorted(set(SEEDS) - set(run["seeds"]))
    if missing:
        yield f"no attacker seed {', '.join(map(str, missing))}"
    shared = [n for n, print_ in run["public"].items() if print_ == run["dataset_fingerprint"]]
    if shared:
        yield f"attackers learn from the scored data {shared[0]}"
    if run["commit"].endswith("+"):
        yield "the code had changes that no commit holds"
    elif run["commit"] in ("", "unknown"):
        yield "the commit is unknown"
    if "random" in run["weights"]:
        yield "the weights are random"


def weakness(score: dict[str, Any]) -> str:
    """Why one score is not ranked; empty where it is."""
    if score.get("seeds", len(SEEDS)) < len(SEEDS):
        return f"{plural(score['seeds'], 'seed')} of {score['attack']}"
    if score["images"] < LEAST_IMAGES:
        return f"{score['images']} photos"
    if score["region"] == "hidden" and "inpainting" not in score["kinds"]:
        return "no inpainter"
    if score["region"] == "visible" and not score["trained"]:
        return "no trained inversion"
    if score["kept"] is None:
        return "mIoU not measured"
    if score["kept"] < KEPT:
        return f"keeps {score['kept']:.0%} of mIoU"
    return ""
