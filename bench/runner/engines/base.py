"""What an engine is: an executor of `concurrent.futures` that computes the units of a run.

What differs between engines is how a worker starts, how its death shows, and whether it shares the
driver's files. All else lies above, in `bench.runner.units.waves`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import TypeVar

Answer = TypeVar("Answer")


class Engine(ABC):
    """Where units are computed.

    Attributes:
        remote: whether its workers may lack the files of this machine.
        gives_out_again: whether a unit comes back as dead only after several workers died with it.
    """

    remote: bool
    gives_out_again: bool

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many units are computed at once."""

    @abstractmethod
    def submit(self, work: Callable[..., Answer], *arguments: object) -> Future[Answer]:
        """Give out a unit; a worker that died before shows in the future."""

    @abstractmethod
    def death(self, error: BaseException) -> str | None:
        """What is known of the worker that died, or ``None`` where ``error`` says something else.

        The engine can be used again afterwards.
        """

    @abstractmethod
    def close(self, at_once: bool) -> None:
        """Let the workers go; with ``at_once`` they are ended in the middle of their units."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(at_once=error is not None)
