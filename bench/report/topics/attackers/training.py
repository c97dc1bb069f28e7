"""How the attackers of a run were trained, read from their cards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.report.data import EARLIEST, RunData

NEAR = 0.5
"""Decibels above its best within which the held-out error of a training counts as converged."""
LEARNED = [
    "attack",
    "plan",
    "payload",
    "defence",
    "strength",
    "frames",
    "stage",
    "access",
    "public",
    "public_photos",
]
"""What tells the attackers of a run apart, attacker seeds aside."""


def trainings(run: RunData) -> pd.DataFrame:
    """One row per attacker: `LEARNED`, ``seed``, ``data``, ``photos``, ``seconds``, ``curve``.

    Of those that were trained step by step also ``steps``, and ``near``, the steps after which the
    held-out error stayed within `NEAR` dB of its best.
    """
    return pd.DataFrame([_row(card) for card in run.attackers])


def above_best(curve: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Steps, and held-out error in dB above the best of the training."""
    steps, _, errors = np.array(curve, dtype=float).T
    return steps, 10 * np.log10(errors / errors.min())


def _row(card: dict[str, Any]) -> dict[str, Any]:
    row = {name: card.get(name) for name in (*LEARNED, "seed", "photos", "seconds", "curve")}
    row["stage"] = _stage(card)
    row["access"] = _access(card)
    row["public_photos"] = "all" if card.get("public_photos") is None else card["public_photos"]
    row["data"] = ", ".join(card.get("data", []))
    if card.get("curve"):
        steps, above = above_best(card["curve"])
        far = np.flatnonzero(above > NEAR)
        row["steps"] = steps[-1]
        row["near"] = steps[min(far[-1] + 1, len(steps) - 1)] if len(far) else steps[0]
    return row


def _stage(card: dict[str, Any]) -> str:
    if card.get("stage") is not None:
        return str(card["stage"])
    return "all rounds" if card.get("every_round") else EARLIEST


def _access(card: dict[str, Any]) -> str:
    if card.get("weights_known"):
        return "white box"
    return "black box" if card.get("can_query") else "query-free"
