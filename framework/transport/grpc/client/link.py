"""The edge's connection to one server: deadlines, bounded retries, errors by their remedy."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import grpc

from framework.errors import one_line
from framework.transport.abort import Abort, Aborted
from framework.transport.faults import BadAnswer, ShardError, ShardRefused, ShardUnavailable
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.client.channel import open_channel
from framework.transport.grpc.protocol.metadata import mismatch
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.proto import shard_pb2_grpc
from framework.transport.grpc.security.tls import Tls, handshake_error, key_name, server_certificate
from framework.transport.patience import Patience

T = TypeVar("T")
Code = grpc.StatusCode

REFUSALS = {
    Code.INVALID_ARGUMENT,
    Code.FAILED_PRECONDITION,
    Code.UNAUTHENTICATED,
    Code.PERMISSION_DENIED,
    Code.UNIMPLEMENTED,
}
"""Statuses that the same server would meet the same call with again; another may not."""


@dataclass(frozen=True)
class _End:
    """Where a connection ends: the server's calls, and its name once it has answered."""

    stub: shard_pb2_grpc.ShardStub
    name: str | None = None


class Link:
    """One server, seen from the edge; safe to use from several threads.

    Args:
        shard: its number.
        address: where it listens.
        tls: credentials; ``None`` connects in plain.
        patience: deadlines and retries.
        proxy: an HTTP proxy to go through.
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
        self._end: _End
        self._lock = threading.Lock()
        self._verified: bytes | None = None
        self._largest: int | None = None
        self._open(None)

    def __str__(self) -> str:
        return f"shard {self.shard} ({self.address})"

    @property
    def name(self) -> str | None:
        """Which server it is: its certificate's key, in plain the place where it lies.

        ``None`` until it has answered.
        """
        return self._end.name

    def expect(self, largest: int) -> None:
        """Accept no message of more than ``largest`` bytes; the connection is made anew for it."""
        if largest != self._largest:
            self.channel.close()
            self._largest = largest
            self._open(self._certificate)
            self._verified = None

    def verify(self, ours: pb.Metadata, abort: Abort) -> None:
        """Ask what the server computes with, unless it has said so since it last failed.

        Raises:
            ShardRefused: it is not what this edge computes with, or no secure connection comes
                about.
            ShardUnavailable: it does not answer, or declines to.
            Aborted: the request was given up meanwhile.
        """
        with self._lock:
            if self._verified == ours.weights_sha256:
                return
            theirs = self.attempt(lambda: self._hello(abort), abort)
            reason = mismatch(ours, theirs)
            if reason:
                raise ShardRefused(self.shard, f"{self} {reason}")
            self._end = replace(self._end, name=self._named())
            self._verified = ours.weights_sha256

    def attempt(self, call: Callable[[], T], abort: Abort) -> T:
        """Carry out a call, again after a pause while the server is unreachable or busy.

        A repeated call brings a server nothing but what it was to get anyway.

        Raises:
            ShardError: the last try's failure.
            Aborted: the request was given up meanwhile.
        """
        for number in range(1, self.patience.tries + 1):
            try:
                return call()
            except grpc.RpcError as error:
                abort.check()
                if number == self.patience.tries or not _worth_another(error):
                    raise self.fault(error, abort) from error
                pause = self.patience.pause * 2 ** (number - 1)
                abort.sleep(pause * random.uniform(0.5, 1.5))
        raise AssertionError("there is at least one try")

    def stream(
        self, name: str, method: str, requests: Iterator[pb.Request], seconds: float
    ) -> grpc.Call:
        """Open a call of at most ``seconds`` that sends ``requests`` while its answers are read.

        Raises:
            ShardUnavailable: the connection no longer ends at the server of that name.
        """
        end = self._end
        if end.name != name:
            raise ShardUnavailable(self.shard, f"{self} is another server than before this picture")
        call: grpc.Call = getattr(end.stub, method)(requests, timeout=seconds)
        return call

    def fault(self, error: grpc.RpcError, abort: Abort) -> ShardError:
        """What a failed call means for the edge; the server is to introduce itself anew."""
        self._verified = None
        code, details = error.code(), one_line(Exception(error.details() or ""))
        if code is Code.RESOURCE_EXHAUSTED and "larger than max" in details:
            return BadAnswer(self.shard, f"{self} sent a message larger than was asked for")
        if code is Code.UNAVAILABLE:
            reason = abort.run(lambda: handshake_error(self.address, self.tls, self.proxy))
            if reason:
                return ShardRefused(self.shard, f"{self}: {reason}")
        return ShardUnavailable(self.shard, f"{self} {_complaint(code, details)}")

    def close(self) -> None:
        """End the connection."""
        self.channel.close()

    def _open(self, certificate: bytes | None) -> None:
        credentials = self.tls and self.tls.of_edge(certificate)
        self.channel = open_channel(self.address, credentials, self.proxy, self._largest)
        self._end = _End(shard_pb2_grpc.ShardStub(self.channel))
        self._certificate = certificate

    def _hello(self, abort: Abort) -> pb.Metadata:
        """What the server says of itself, over a channel that ends at this server alone."""
        if self.tls is not None:
            self._pin(self.tls, abort)
        stub, seconds = self._end.stub, self.patience.hello
        call = stub.ModelMetadata.future(pb.MetadataRequest(), timeout=seconds)
        with abort.holding(call.cancel):
            try:
                return call.result()
            except grpc.FutureCancelledError as error:
                raise Aborted from error

    def _pin(self, tls: Tls, abort: Abort) -> None:
        """Let the channel accept no other certificate than the server shows now."""
        seconds = self.patience.hello
        try:
            shown = abort.run(lambda: server_certificate(self.address, tls, self.proxy, seconds))
        except TimeoutError as error:
            complaint = _complaint(Code.DEADLINE_EXCEEDED, "")
            raise ShardUnavailable(self.shard, f"{self} {complaint}") from error
        if shown is None or shown == self._certificate:
            return
        self.channel.close()
        self._open(shown)

    def _named(self) -> str:
        if self.tls is None:
            return str(min(self.address.places(), key=str))
        if self._certificate is None:
            raise ShardUnavailable(self.shard, f"{self} shows no certificate: start it again")
        return key_name(self._certificate)


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
    if code in REFUSALS:
        return f"refuses the call ({code.name}): {details}"
    if "parsing HTTP/2" in details:
        return "is no shard server, as it does not answer in gRPC: give the address of one"
    return f"cannot be reached ({code.name}): start it again, or give another address"
