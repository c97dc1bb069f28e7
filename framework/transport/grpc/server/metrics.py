"""A server's counters for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from framework.errors import PedbenchError

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """Counters of calls, windows, bytes and seconds; no label comes from a client."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        at = self.registry
        name = "pedbench_shard_{}".format
        self.calls = Counter(name("calls"), "Calls ended", ["method", "status"], registry=at)
        self.open = Gauge(name("open_calls"), "Calls open now", registry=at)
        self.windows = Counter(name("windows"), "Windows received to compute", registry=at)
        self.bytes = Counter(name("payload_bytes"), "Payload bytes", ["direction"], registry=at)
        self.compute = Histogram(
            name("compute_seconds"), "To compute a batch of windows", registry=at, buckets=SECONDS
        )
        self.wait = Histogram(
            name("wait_seconds"), "Until the processor was free", registry=at, buckets=SECONDS
        )

    def serve(self, host: str, port: int) -> None:
        """Answer Prometheus over plain HTTP.

        Raises:
            PedbenchError: the port is taken.
        """
        try:
            start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise PedbenchError(
                f"cannot serve metrics on {host}:{port} ({error.strerror}): "
                "give another --metrics-port"
            ) from error
