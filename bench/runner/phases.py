"""Where a run's time goes, by phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

UNNAMED = "other"


@dataclass(frozen=True)
class Spent:
    """Seconds in a phase, and how often it was entered."""

    seconds: float = 0.0
    count: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.seconds + other.seconds, self.count + other.count)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.seconds - other.seconds, self.count - other.count)


Times = dict[str, Spent]
"""Phase → what it took."""


class Stopwatch:
    """Seconds of one process by phase.

    A nested phase counts for itself and not for the one around it, so that all phases add up to
    the time since the start.

    Args:
        outside: what time outside every phase counts as.
    """

    def __init__(self, outside: str = UNNAMED) -> None:
        self.start(outside)

    def start(self, outside: str = UNNAMED) -> None:
        """Forget everything and start at zero."""
        self._outside = outside
        self._times: Times = {}
        self._entered: list[str] = []
        self._since = perf_counter()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what happens within as ``name``."""
        self._charge()
        self._entered.append(name)
        self.add({name: Spent(count=1)})
        try:
            yield
        finally:
            self._charge()
            self._entered.pop()

    def add(self, times: Mapping[str, Spent]) -> None:
        """Add what another process spent, or what is known from elsewhere."""
        for name, spent in times.items():
            self._times[name] = self._times.get(name, Spent()) + spent

    def since(self, before: Mapping[str, Spent]) -> Times:
        """What was spent after ``before``, which an earlier call with nothing gave."""
        self._charge()
        return {name: spent - before.get(name, Spent()) for name, spent in self._times.items()}

    def drain(self) -> Times:
        """What was spent since the start or the last call."""
        self._charge()
        times, self._times = self._times, {}
        return times

    def _charge(self) -> None:
        now = perf_counter()
        name = self._entered[-1] if self._entered else self._outside
        self.add({name: Spent(now - self._since)})
        self._since = now


WATCH = Stopwatch()
"""Of this process."""

phase = WATCH.phase


def time_table(times: Mapping[str, Spent], wall: float) -> str:
    """Phases with their seconds, shares and counts, longest first, and their sum.

    Args:
        times: of all processes together.
        wall: seconds from beginning to end.
    """
    total = sum(spent.seconds for spent in times.values())
    width = max(map(len, [*times, "phase"]))
    lines = [f"{'phase':<{width}}  {'seconds':>9}  {'share':>6}  {'count':>7}  {'ms each':>9}"]
    for name, spent in sorted(times.items(), key=lambda item: -item[1].seconds):
        each = f"{1000 * spent.seconds / spent.count:.1f}" if spent.count else ""
        share = spent.seconds / total if total else 0.0
        lines.append(
            f"{name:<{width}}  {spent.seconds:>9.2f}  {share:>6.1%}  {spent.count:>7}  {each:>9}"
        )
    lines.append(f"{'sum over processes':<{width}}  {total:>9.2f}")
    lines.append(f"{'from start to end':<{width}}  {wall:>9.2f}")
    return "\n".join(lines)
