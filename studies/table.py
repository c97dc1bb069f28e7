"""Small tables of the measurements: printed, and written as CSV and Markdown."""

from __future__ import annotations

from pathlib import Path

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
