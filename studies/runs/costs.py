"""Wall and processor seconds of command lines of `pedbench`, each in processes of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from framework.errors import PedbenchError


@dataclass
class Cost:
    """What a piece of work took: seconds of the clock, and of all processors together."""

    seconds: float = 0.0
    processor_seconds: float = 0.0


@contextmanager
def cost() -> Iterator[Cost]:
    """What the block takes in this process and in the processes that end within; known after it."""
    found, start, before = Cost(), time.perf_counter(), _processor_seconds()
    yield found
    found.seconds = time.perf_counter() - start
    found.processor_seconds = _processor_seconds() - before


def pedbench(*commands: Sequence[str]) -> None:
    """Run command lines of `pedbench` side by side, without their output.

    Raises:
        PedbenchError: one of them failed; with the last line that it said.
    """
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "bench", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in commands
    ]
    told = [process.communicate()[1] for process in running]
    for process, words in zip(running, told, strict=True):
        if process.returncode:
            raise PedbenchError((words.splitlines() or ["pedbench failed"])[-1])


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
