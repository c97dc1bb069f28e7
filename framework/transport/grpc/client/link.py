"""The edge's connection to one server: deadlines, bounded retries, errors by their remedy."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import grpc

from framework.errors import PedbenchError, one_line
from framework.transport.faults import BadAnswer, ShardError, ShardRefused, ShardUnavailable
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.client.channel import open_channel
from framework.transport.grpc.protocol.metadata import mismatch
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.proto import shard_pb2_grpc
from framework.transport.grpc.security.tls import Tls, handshake_error, key_name, server_certificate

T = TypeVar("T")
Code = grpc.StatusCode

REFUSALS = {
    Code.INVALID_ARGUMENT,
    Code.FAILED_PRECONDITION,
    Code.UNAUTHENTICATED,
    Code.PERMISSION_DENIED,
    Code.UNIMPLEMENTED,
}
"""Statuses that the same call would meet again."""


@dataclass(frozen=True)
class Patience:
    """How long the edge waits for a server.

    Attributes:
        deadline: seconds for one server's part of a round.
        hello: seconds for a server to say what it serves.
        tries: calls to a server that is unreachable or busy, before it is given up for now.
        pause: seconds before the second try, doubled for each further one; jittered.
        rest: seconds that an unreachable server is left alone, doubled up to ``longest_rest``.

    Raises:
        PedbenchError: no time, or no try.
    """

    deadline: float = 60.0
    hello: float = 5.0
    tries: int = 3
    pause: float = 0.1
    rest: float = 1.0
    longest_rest: float = 30.0

    def __post_init__(self) -> None:
        for name in ("deadline", "hello"):
            seconds = getattr(self, name)
            if not 0 < seconds < math.inf:
                raise PedbenchError(f"a {name} of {seconds:g} s: give more than 0 seconds")
        if self.tries < 1:
            raise PedbenchError(f"{self.tries} tries: give at least 1")


class Link:
    """One server, seen from the edge; safe to use from several threads.

    Args:
        shard: its number.
        address: where it listens.
        tls: credentials; ``None`` connects in plain.
        patience: deadlines and retries.
        proxy: an HTTP proxy to go through.

    Attributes:
        name: which server it is: its certificate's key, in plain the place where it lies; ``None``
            until it has answered.
    """

    def __init__(
        self,
        shard: int,
        address: Address,
        tls: Tls | None,
        patience: Patience,
        proxy: Address | None = None,
    ) -> None:
        self.shard = shard
        self.address = address
        self.tls = tls
        self.patience = patience
        self.proxy = proxy
        self.name: str | None = None
        self.channel = open_channel(address, tls and tls.of_edge(), proxy)
        self.stub = shard_pb2_grpc.ShardStub(self.channel)
        self._lock = threading.Lock()
        self._certificate: bytes | None = None
        self._verified: bytes | None = None
        self._failures = 0
        self._rest_until = 0.0

    def __str__(self) -> str:
        return f"shard {self.shard} ({self.address})"

    def verify(self, ours: pb.Metadata) -> None:
        """Ask what the server computes with, unless it has said so since it last failed.

        Raises:
            ShardRefused: it is not what this edge computes with, or no secure connection comes
                about.
            ShardUnavailable: it does not answer.
        """
        with self._lock:
            if self._verified == ours.weights_sha256:
                return
            if time.monotonic() < self._rest_until:
                raise ShardUnavailable(
                    self.shard, f"{self} did not answer a moment ago: start it again"
                )
            theirs = self.attempt(self._hello)
            reason = mismatch(ours, theirs)
            if reason:
                raise ShardRefused(self.shard, f"{self} {reason}")
            self.name = self._named()
            self._verified, self._failures = ours.weights_sha256, 0

    def attempt(self, call: Callable[[], T]) -> T:
        """Carry out a call, again after a pause while the server is unreachable or busy.

        A repeated call brings a server nothing but what it was to get anyway.

        Raises:
            ShardError: the last try's failure.
        """
        for number in range(1, self.patience.tries + 1):
            try:
                return call()
            except grpc.RpcError as error:
                if number == self.patience.tries or not _worth_another(error):
                    raise self.fault(error) from error
                pause = self.patience.pause * 2 ** (number - 1)
                time.sleep(pause * random.uniform(0.5, 1.5))
        raise AssertionError("there is at least one try")

    def fault(self, error: grpc.RpcError) -> ShardError:
        """What a failed call means for the edge."""
        code, details = error.code(), one_line(Exception(error.details() or ""))
        if code is Code.RESOURCE_EXHAUSTED and "larger than max" in details:
            return BadAnswer(self.shard, f"{self} sent a message above gRPC's limit of 4 MiB")
        if code in REFUSALS:
            return ShardRefused(self.shard, f"{self} refuses: {details}")
        if code is Code.UNAVAILABLE:
            reason = handshake_error(self.address, self.tls, self.proxy)
            if reason:
                return ShardRefused(self.shard, f"{self}: {reason}")
        self.rest()
        return ShardUnavailable(self.shard, f"{self} {_complaint(code, details)}")

    def rest(self) -> None:
        """Leave the server alone for a while, longer each time, and ask it anew after that."""
        self._verified = None
        pause = self.patience.rest * 2**self._failures
        self._rest_until = time.monotonic() + min(pause, self.patience.longest_rest)
        self._failures = min(self._failures + 1, 16)

    def close(self) -> None:
        """End the connection."""
        self.channel.close()

    def _hello(self) -> pb.Metadata:
        """What the server says of itself, over a channel that ends at this server alone."""
        if self.tls is not None:
            self._pin(self.tls)
        return self.stub.ModelMetadata(pb.MetadataRequest(), timeout=self.patience.hello)

    def _pin(self, tls: Tls) -> None:
        """Let the channel accept no other certificate than the server shows now."""
        seconds = self.patience.hello
        try:
            shown = server_certificate(self.address, tls, self.proxy, seconds)
        except TimeoutError as error:
            self.rest()
            complaint = _complaint(Code.DEADLINE_EXCEEDED, "")
            raise ShardUnavailable(self.shard, f"{self} {complaint}") from error
        if shown is None or shown == self._certificate:
            return
        self.channel.close()
        self.channel = open_channel(self.address, tls.of_edge(shown), self.proxy)
        self.stub = shard_pb2_grpc.ShardStub(self.channel)
        self._certificate = shown

    def _named(self) -> str:
        if self.tls is None:
            return str(min(self.address.places(), key=str))
        if self._certificate is None:
            self.rest()
            raise ShardUnavailable(self.shard, f"{self} shows no certificate: start it again")
        return key_name(self._certificate)

    def stream(self, method: Callable[..., grpc.Call], requests: Iterator[pb.Request]) -> grpc.Call:
        """Open a call that sends ``requests`` while its answers are read."""
        return method(requests, timeout=self.patience.deadline)


def _worth_another(error: grpc.RpcError) -> bool:
    """Whether nothing was computed yet, so that the same server may be asked once more."""
    if error.code() is Code.RESOURCE_EXHAUSTED:
        return "larger than max" not in (error.details() or "")
    return error.code() is Code.UNAVAILABLE and "refused" in (error.details() or "").lower()


def _complaint(code: grpc.StatusCode, details: str) -> str:
    if code is Code.DEADLINE_EXCEEDED:
        return "did not answer in time: start it again, or give it longer"
    if code is Code.RESOURCE_EXHAUSTED:
        return f"is busy: {details}"
    return f"cannot be reached ({code.name}): start it again, or give another address"
