"""The command that measures a row of a table again."""

from __future__ import annotations

import shlex

import pandas as pd

from attacks.base import ATTACKS
from attacks.controls.matching import first_round_of
from bench.report.aggregate.leakage import CONTROLS
from bench.report.data import RunData
from bench.report.render.table import Row
from bench.spec.restriction import COLUMNS, as_text


class Commands:
    """Commands of the rows of one run's tables.

    Attributes:
        start, end: what all commands have before and after the settings of their row.
    """

    def __init__(self, run: RunData) -> None:
        records = run.records
        self._values = {
            name: set(map(as_text, records[name].dropna().unique()))
            for name in COLUMNS
            if name in records
        }
        controls = records.loc[records["attack_kind"].isin(CONTROLS), "attack"]
        known = ATTACKS.names()
        self._controls = [name for name in sorted(controls.unique()) if name in known]
        self.start = f"pedbench run --preset {shlex.quote(str(run.folder / 'config.yaml'))}"
        self.end = "--out results/again"

    def only(self, row: Row) -> str:
        """The settings of a row as values of ``--only``; empty where the whole run is meant.

        With an attack go the floors and ceilings that it is compared with, and its twin on round 1.
        """
        settings: dict[str, str] = {}
        for name, values in self._values.items():
            value = None if name not in row or pd.isna(row[name]) else as_text(row[name])
            if value in values and value:
                settings[name] = value
        attack = settings.get("attack")
        if attack is not None:
            if attack not in ATTACKS.names():
                del settings["attack"]
            else:
                known = self._values["attack"] - {attack}
                twins = (*self._controls, first_round_of(attack))
                controls = [name for name in twins if name is not None and name in known]
                settings["attack"] = ",".join([attack, *controls])
        return " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
