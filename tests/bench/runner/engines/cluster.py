"""A Dask cluster of this machine whose workers share no folder."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import distributed

ROOT = Path(__file__).resolve().parents[4]


@contextlib.contextmanager
def running_cluster(
    home: Path, names: Sequence[str]
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and workers with a folder and a cache of their own."""
    dask = str(Path(sys.executable).with_name("dask"))
    file = home / "scheduler.json"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with contextlib.ExitStack() as running:

        def start(command: str, folder: Path) -> subprocess.Popen[bytes]:
            folder.mkdir()
            own = {**env, "PEDBENCH_CACHE": str(folder / "cache")}
            words = [dask, command, "--scheduler-file", str(file), "--host", "127.0.0.1"]
            words += ["--no-nanny", "--nthreads", "1"] if command == "worker" else ["--port", "0"]
            log = running.enter_context((folder / "log").open("w"))
            process = subprocess.Popen(
                [*words, "--no-dashboard"], cwd=folder, env=own, stdout=log, stderr=log
            )
            running.callback(process.wait)
            running.callback(process.kill)
            return process

        start("scheduler", home / "scheduler")
        workers = [start("worker", home / name) for name in names]
        while not file.exists():
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"].removeprefix("tcp://")
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(len(names), timeout=300)
        yield address, workers
