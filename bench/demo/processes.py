"""Shard servers of the demo: processes of this machine, started when they are first needed."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.flags.remote import Remote, connection
from bench.latency.network.servers import FOLLOWS, ServerProcesses
from framework.errors import PedbenchError
from framework.transport.grpc.security.certificates import write_certificates

HOST = "127.0.0.1"
DAYS = 2
"""Validity of the certificates of one session."""
GRACE = 2.0
"""Seconds after which servers are killed: at the end nobody waits for their answers."""


class ShardProcesses:
    """Servers in processes of their own, over mutual TLS with keys that last as long as they do.

    A context manager; at its end every process has ended and the keys are gone. The servers end
    with this process even where it is killed. It may be used
    from several threads.

    Args:
        most: how many servers of one model at most.
        checkpoint: weights of ``model``, as in `build_sam`.
        model: the model that the checkpoint is for; others are loaded without one.
    """

    def __init__(self, most: int, model: str, checkpoint: str | None = None) -> None:
        self.most = most
        self.model, self.checkpoint = model, checkpoint
        self._lock = threading.Lock()
        self._running: dict[str, list[tuple[str, int]]] = {}
        self._stack = ExitStack()
        folder = self._stack.enter_context(TemporaryDirectory(prefix="pedbench-demo-"))
        self._keys = Path(folder) / "keys"
        write_certificates(self._keys, [HOST], most, days=DAYS)

    def remote(self, model: str, count: int) -> Remote:
        """The first ``count`` servers of ``model``; those that do not run yet are started.

        Raises:
            PedbenchError: there may not be so many, or one did not start.
        """
        if not 1 <= count <= self.most:
            raise PedbenchError(
                f"{count} shards: this demo has 1 to {self.most}; start it with --max-shards"
            )
        with self._lock:
            running = self._running.setdefault(model, [])
            missing = range(len(running), count)
            if missing:
                commands = [self._flags(model, number) for number in missing]
                started = self._stack.enter_context(ServerProcesses(commands, grace=GRACE))
                pids = [process.pid for process in started.processes]
                running += zip(started.addresses, pids, strict=True)
            addresses = tuple(address for address, _ in running[:count])
        return Remote(addresses, self._tls)

    def pids(self, model: str) -> list[int]:
        """The process of each server of ``model``, in order."""
        return [pid for _, pid in self._running.get(model, [])]

    def __enter__(self) -> ShardProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            connection.cache_clear()
            self._stack.close()

    @property
    def _tls(self) -> tuple[str, str, str]:
        return (
            str(self._keys / "edge.crt"),
            str(self._keys / "edge.key"),
            str(self._keys / "ca.crt"),
        )

    def _flags(self, model: str, number: int) -> list[str]:
        pair = self._keys / f"shard-{number}"
        flags = ["shard", "--bind", f"{HOST}:0", "--model", model, "--threads", "1"]
        flags += ["--tls-cert", f"{pair}.crt", "--tls-key", f"{pair}.key"]
        flags += ["--client-ca", str(self._keys / "ca.crt")]
        if self.checkpoint and model == self.model:
            flags += ["--checkpoint", self.checkpoint]
        return [*flags, "--log-level", "warning", "--grace", "0", FOLLOWS]
