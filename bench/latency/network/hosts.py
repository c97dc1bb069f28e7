"""Where the edge and its servers run, and what lies between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from bench.latency.network.links import Link


@dataclass(frozen=True)
class Host:
    """A place for a process.

    Attributes:
        enter: command that runs another command there.
        bind: HOST:PORT for a server; port 0 takes a free one.
    """

    enter: tuple[str, ...]
    bind: str


class Network(ABC):
    """An edge and servers; a context manager that takes down what it put up.

    Attributes:
        edge: where the edge runs.
        servers: where each server runs.
        emulation: what imposes a link's delay and bandwidth; empty where nothing can.
    """

    edge: Host
    servers: list[Host]
    emulation: str = ""

    @abstractmethod
    def use(self, link: Link) -> None:
        """Put a link between the edge and all servers."""

    @abstractmethod
    def close(self) -> None:
        """Take everything down."""

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Loopback(Network):
    """One host for all, and no link between them."""

    def __init__(self, servers: int) -> None:
        self.edge = Host((), "127.0.0.1:0")
        self.servers = [self.edge] * servers

    def use(self, link: Link) -> None:
        """Nothing: seconds over a link are left to the link model."""

    def close(self) -> None:
        """Nothing was put up."""
