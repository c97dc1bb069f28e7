"""Small tables of the measurements: printed, and written as CSV and Markdown; intervals as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def write_table(table: pd.DataFrame, name: str, title: str, folder: Path | None) -> None:
    """Print a table, and write ``NAME.csv`` and ``NAME.md`` where a folder is given."""
    shown = table.map(lambda value: f"{value:.3f}" if isinstance(value, float) else str(value))
    rows = [list(shown.columns), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    print(f"{title}\n\n{text}")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / f"{name}.csv", index=False)
        (folder / f"{name}.md").write_text(f"# {title}\n\n{text}\n")


def told(interval: tuple[float, float, float], digits: int = 3, sign: str = "") -> str:
    """An interval as text, such as ``+0.12 [+0.03, +0.21]``; the mean alone where it has no ends.

    Args:
        interval: mean, low and high end.
        digits: decimals.
        sign: ``+`` where a gain is told, and positive figures are to say so.
    """
    mean, low, high = (f"{value:{sign}.{digits}f}" for value in interval)
    return mean if np.isnan(interval[1]) else f"{mean} [{low}, {high}]"
