"""What was measured: one value a row, kept in one file and added to by each part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

FILE = "performance.csv"


@dataclass(frozen=True)
class Row:
    """One value.

    Attributes:
        part: of the benchmark.
        model: whose encoder.
        case: the side, setting or size it belongs to.
        quantity: what it is, with its unit where it has one.
        repeat: from 1; 0 where there is but one.
        value: the number.
    """

    part: str
    model: str
    case: str
    quantity: str
    repeat: int
    value: float


COLUMNS = list(Row.__dataclass_fields__)


class Results:
    """The rows of a results folder.

    Args:
        folder: made if it is missing; rows of earlier calls are read.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self.frame = pd.DataFrame(columns=COLUMNS)
        if self.path.exists():
            self.frame = pd.read_csv(self.path)

    def replace(self, part: str, model: str, rows: Iterable[Row]) -> None:
        """Put new rows of a part and model in place of old ones; written at once."""
        frame = self.frame
        kept = frame[(frame["part"] != part) | (frame["model"] != model)]
        new = pd.DataFrame([asdict(row) for row in rows], columns=COLUMNS)
        self.frame = new if kept.empty else pd.concat([kept, new], ignore_index=True)
        self.frame.to_csv(self.path, index=False, float_format="%.7g")

    def values(self, part: str, model: str, case: str, quantity: str) -> pd.Series:
        """All repeats of one quantity; empty where it was not measured."""
        f = self.frame
        chosen = (f["part"] == part) & (f["model"] == model)
        chosen &= (f["case"] == case) & (f["quantity"] == quantity)
        return f.loc[chosen, "value"].astype(float)

    def median(self, part: str, model: str, case: str, quantity: str) -> float | None:
        """The median over the repeats; None where it was not measured."""
        values = self.values(part, model, case, quantity)
        return None if values.empty else float(values.median())

    def models(self, part: str) -> list[str]:
        """Models a part was measured on, in order of first mention."""
        return list(dict.fromkeys(self.frame.loc[self.frame["part"] == part, "model"]))

    def cases(self, part: str, model: str) -> list[str]:
        """Cases of a part, in order of first mention."""
        f = self.frame
        return list(dict.fromkeys(f.loc[(f["part"] == part) & (f["model"] == model), "case"]))
