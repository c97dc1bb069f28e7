"""Shard servers as processes of this machine: started together, stopped together."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from framework.errors import PedbenchError

STOP_SECONDS = 40.0
READY = "listening on "
MAIN = (sys.executable, "-m", "bench")
FOLLOWS = "--end-with-input"
"""The flag of a server that ends with the process that started it."""


class ServerProcesses:
    """Runs one command per server and waits until each one listens.

    A context manager: at its end every server is asked to drain, and killed if it does not. Ctrl-C
    does not reach them by itself, so that they are asked once; a second one kills them. Their input
    stays open until then: with `FOLLOWS` they end even where this process is killed.

    Args:
        arguments: of each server, after ``pedbench``.
        main: what runs ``pedbench``.
        env: variables added to this process's own.
        quiet: whether the servers' logs are dropped.
        grace: seconds that they may take to drain at the end.

    Attributes:
        processes: in order.
        addresses: where each one listens.

    Raises:
        PedbenchError: a server ended before it listened.
    """

    def __init__(
        self,
        arguments: Sequence[Sequence[str]],
        main: Sequence[str] = MAIN,
        env: dict[str, str] | None = None,
        quiet: bool = False,
        grace: float = STOP_SECONDS,
    ) -> None:
        self.grace = grace
        log = subprocess.DEVNULL if quiet else None
        self.processes = [
            subprocess.Popen(
                [*main, *each],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | (env or {}),
                start_new_session=True,
            )
            for each in arguments
        ]
        try:
            self.addresses = [_address_of(process) for process in self.processes]
        except BaseException:
            self.stop(grace=0)
            raise

    @property
    def listing(self) -> str:
        """All addresses, as ``--shards`` takes them."""
        return ",".join(self.addresses)

    def wait(self) -> None:
        """Until every server has ended, or this process is interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            for process in self.processes:
                process.wait()

    def stop(self, grace: float | None = None) -> None:
        """Ask each server to drain; kill it when ``grace`` seconds, or its own, are over."""
        last = time.monotonic() + (self.grace if grace is None else grace)
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        try:
            for process in self.processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, last - time.monotonic()))
        except KeyboardInterrupt:
            print("stopped at once", file=sys.stderr)
        for process in self.processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def __enter__(self) -> ServerProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def shard_arguments(args: argparse.Namespace, bind: str, number: int) -> list[str]:
    """The flags of one of several servers: those given, but its own ports and no count.

    In the names of certificate and key ``{}`` stands for the server's number.
    """
    flags = ["shard", "--bind", bind]
    for name, value in vars(args).items():
        if name in ("bind", "count", "end_with_input", "run") or value is None or value is False:
            continue
        if name == "metrics_port":
            value += number
        if name in ("tls_cert", "tls_key"):
            value = value.replace("{}", str(number))
        flags += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    return [*flags, FOLLOWS]


def _address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    raise PedbenchError(
        f"a server ended with code {process.wait()} before it listened: see its message above"
    )
