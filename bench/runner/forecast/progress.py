"""Progress bars of both waves: units done, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm

from bench.runner.forecast.forecast import Forecast, duration
from bench.spec.cells import AttackCell, Cell, Pipeline

FORM = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} units, {elapsed}{postfix}"
DOUBT_S = 20
"""Seconds of work after which the pace so far counts more than the forecast."""


class Progress:
    """One bar a wave; the pace so far corrects the forecast.

    Args:
        forecast: of both waves.
    """

    def __init__(self, forecast: Forecast) -> None:
        self.forecast = forecast
        self._left = {"attackers": forecast.attackers_s, "cells": forecast.cells_s}
        self._forecast_s = 0.0
        self._start = time.perf_counter()
        self._unit_cells = {
            (task.image_id, task.cells[0].pipeline): len(task.cells) for task in forecast.tasks
        }
        self._unit_s = {
            (task.image_id, task.cells[0].pipeline): forecast.task_s(task)
            for task in forecast.tasks
        }
        self._open = dict(self._unit_cells)

    @contextmanager
    def wave(self, name: str) -> Iterator[None]:
        """Show the bar of ``attackers`` or of ``cells``."""
        forecast = self.forecast
        total = len(forecast.attackers if name == "attackers" else forecast.tasks)
        with tqdm(total=total, desc=name, bar_format=FORM, disable=not total) as self._bar:
            self._bar.set_postfix_str(self.time_left())
            yield
        self._left[name] = 0.0

    def fitted(self, cell: AttackCell) -> None:
        """Count an attacker."""
        self._count("attackers", self.forecast.fitting_s(cell))
        self._bar.update()

    def computed(self, image_id: str, cells: Sequence[Cell]) -> None:
        """Count cells of a unit; the bar moves with the last of them."""
        unit: tuple[str, Pipeline] = image_id, cells[0].pipeline
        self._count("cells", self._unit_s[unit] * len(cells) / self._unit_cells[unit])
        self._open[unit] -= len(cells)
        if not self._open[unit]:
            self._bar.update()

    def time_left(self) -> str:
        """Of both waves together, and of each where both are ahead."""
        elapsed = time.perf_counter() - self._start
        pace = (elapsed + DOUBT_S) / (self._forecast_s + DOUBT_S)
        left = {name: pace * seconds for name, seconds in self._left.items()}
        text = f"about {duration(sum(left.values()))} left"
        if not all(left.values()):
            return text
        return f"{text} (attackers {duration(left['attackers'])}, cells {duration(left['cells'])})"

    def _count(self, wave: str, seconds: float) -> None:
        shared = seconds / self.forecast.workers
        self._forecast_s += shared
        self._left[wave] = max(0.0, self._left[wave] - shared)
        self._bar.set_postfix_str(self.time_left())
