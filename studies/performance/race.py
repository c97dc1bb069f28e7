"""Several sides, each in its own process, taking turns in one run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import numpy as np

from studies.performance.results import Row

PAUSE_S = 0.2
"""Between turns: threads of the last side have stopped spinning by then."""


@dataclass(frozen=True)
class Side:
    """Who takes part.

    Attributes:
        name: as it stands in the results.
        kind: ``stock``, ``local`` or ``shards:N``.
        keep: whether freed memory is kept (`framework.compute.allocator`).
        options: of `build_sam`.
    """

    name: str
    kind: str
    keep: bool
    options: dict[str, Any] = field(default_factory=dict)


class Process:
    """A running `studies.performance.worker`."""

    def __init__(self, side: Side, model: str, threads: int) -> None:
        command = [sys.executable, "-m", "studies.performance.worker", side.kind, model]
        command += ["--threads", str(threads), "--options", json.dumps(side.options)]
        command += ["--keep"] if side.keep else []
        pipe = subprocess.PIPE
        self.side = side
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.read()

    def read(self) -> dict[str, Any]:
        """The next answer.

        Raises:
            RuntimeError: the process has died.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"'{self.side.name}' died with exit code {self.process.wait()}")
        content: dict[str, Any] = json.loads(line)
        return content

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        """Let it end."""
        self.process.kill()
        self.process.wait()


@contextmanager
def started(sides: Sequence[Side], model: str, threads: int) -> Iterator[list[Process]]:
    """All sides, loaded one after the other."""
    with ExitStack() as stack:
        processes = []
        for side in sides:
            process = Process(side, model, threads)
            stack.callback(process.close)
            processes.append(process)
        yield processes


def race(
    part: str, model: str, sides: Sequence[Side], repeats: int, threads: int = 2
) -> Iterator[Row]:
    """Encode one photo on every side in turn: once to warm up, then ``repeats`` times.

    Yields:
        ``seconds`` of each repeat; then ``peak_mb`` (largest resident set), ``loaded_mb`` (the
        same after loading) and ``difference`` (largest absolute one of the image embedding to the
        first side's).
    """
    with started(sides, model, threads) as processes, TemporaryDirectory() as folder:
        for repeat in range(repeats + 1):
            turn = repeat % len(processes)
            for process in processes[turn:] + processes[:turn]:
                found = process.ask(do="encode")
                name = process.side.name
                print(f"  {part} {model} {name}: {found['seconds']:.3f} s", flush=True)
                if repeat:
                    yield Row(part, model, name, "seconds", repeat, found["seconds"])
                if repeat == repeats:
                    for what in ("peak_mb", "loaded_mb"):
                        yield Row(part, model, name, what, 0, found[what])
                sleep(PAUSE_S)
        embeddings = []
        for i, process in enumerate(processes):
            path = Path(folder) / f"{i}.npy"
            process.ask(save=str(path))
            embeddings.append(np.load(path))
        for process, embedding in zip(processes, embeddings, strict=True):
            worst = float(np.abs(embedding - embeddings[0]).max())
            yield Row(part, model, process.side.name, "difference", 0, worst)
            error = np.linalg.norm(embedding - embeddings[0]) / np.linalg.norm(embeddings[0])
            yield Row(part, model, process.side.name, "relative_difference", 0, float(error))
