"""A training log: means of what was measured, one JSON line now and then."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from framework.files.writing import make_folder, writing


class Log:
    """Collects values step by step and appends their means to ``log.jsonl``.

    Args:
        folder: where the file goes; made if it is missing.
        start: the step that a resumed run starts from.
    """

    def __init__(self, folder: Path, start: int = 0) -> None:
        self.path = folder / "log.jsonl"
        self.written = start
        self._sums: dict[str, float] = {}
        self._clock = time.perf_counter()

    def add(self, values: Mapping[str, Tensor | float]) -> None:
        """Take in the values of one step."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)

    def write(self, step: int, **fields: Any) -> dict[str, float]:
        """Append the means since the last call, with ``fields``; returns the means."""
        steps = max(1, step - self.written)
        means = {name: round(total / steps, 5) for name, total in self._sums.items()}
        now = time.perf_counter()
        line = {"step": step, **means, **fields}
        line |= {"seconds_per_step": round((now - self._clock) / steps, 4), "time": time.time()}
        self._sums, self._clock, self.written = {}, now, step
        make_folder(self.path.parent)
        with writing(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return means
