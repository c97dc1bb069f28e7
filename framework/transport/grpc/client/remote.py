"""`GrpcShards`: window blocks on servers of other hosts."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import grpc

from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.split.payload import Payload
from framework.transport.abort import Abort
from framework.transport.answers import check_form
from framework.transport.base import Round, Shards
from framework.transport.faults import BadAnswer, ShardError, ShardRefused, ShardUnavailable
from framework.transport.grpc.client.address import Address
from framework.transport.grpc.client.link import Link
from framework.transport.grpc.protocol.metadata import PROTOCOL, describe
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.wire import (
    CODECS,
    WireError,
    from_message,
    join,
    largest_answer,
    to_message,
)
from framework.transport.grpc.security.tls import Tls
from framework.transport.patience import Breaker, Pace, Patience

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """Where the seconds of one server's part of a round went.

    Attributes:
        shard, round: whose, and which.
        seconds: from the first message out to the last one in.
        encode, decode: to write and read messages, on the edge.
        wait: on the server, until its processor was free.
        compute: on the server; the rest is wire and waiting for it.
    """

    shard: int
    round: int
    seconds: float
    encode: float
    decode: float
    wait: float
    compute: float


class GrpcShards(Shards):
    """Servers reached over gRPC, one window a message, uploads and downloads overlapping.

    Args:
        addresses: ``HOST:PORT`` of each server; its place in the list is its number.
        tls: certificate, key and the servers' authority; ``None`` connects in plain.
        patience: deadlines and retries.
        proxy: ``HOST:PORT`` of an HTTP proxy to go through. In plain it sees every window: the
            ledger counts it as one more server.
        options: of `Shards`: guard, fallback, retries, spot_checks.

    Attributes:
        names: in the ledger: what a server's certificate has for a key, in plain the place where
            it lies; its address until it has answered, and then it is sent nothing.
        timings: of every finished call; clear it as you like.
        met: whether any server has answered yet.
        pace: of the servers, from which deadlines are taken.

    Raises:
        PedbenchError: an address is malformed, or two are one server; a certificate cannot be used.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        tls: Tls | None = None,
        *,
        patience: Patience | None = None,
        proxy: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(len(addresses), **options)
        hosts = [Address.parse(text) for text in addresses]
        _refuse_twins(hosts, [{host} if tls else host.places() for host in hosts])
        if tls is not None:
            tls.check()
        through = None if proxy is None else Address.parse(proxy)
        if through is not None and tls is None:
            self.overhearing = (f"proxy {min(through.places(), key=str)}",)
        self.names = [str(host) for host in hosts]
        self.timings: list[Timing] = []
        self.met = False
        self._agreed = b""
        patience = patience or Patience()
        self.pace = Pace(patience)
        self.breakers = [Breaker(patience) for _ in hosts]
        self.links = [Link(i, host, tls, patience, through) for i, host in enumerate(hosts)]

    def bind(self, sam: PedSam) -> None:
        """Take the edge's model, and ask every server whether it computes with the same.

        A server that does not answer is left to the orchestrator, unless none ever did: then an
        address is wrong rather than a server dead.

        Raises:
            ShardRefused: a server holds other weights or speaks another protocol, or refuses this
                edge's certificate.
            ShardUnavailable: no server answers, and none has before.
            PedbenchError: two addresses are one server.
        """
        super().bind(sam)
        self.metadata = describe(sam)
        for link in self.links:
            link.expect(largest_answer(sam.arch))
        act = partial(self._fault_of, abort := Abort())
        with ThreadPoolExecutor(self.count) as pool, abort.on_error():
            faults = [fault for fault in pool.map(act, self.links) if fault]
        self.met = self.met or len(faults) < self.count
        for fault in faults:
            if not self.met or (isinstance(fault, ShardRefused) and not self._known):
                raise fault
        self._agreed = self.metadata.weights_sha256
        names = [{link.name} if link.name else set() for link in self.links]
        _refuse_twins([link.address for link in self.links], names)
        self.names = [link.name or str(link.address) for link in self.links]

    @property
    def places(self) -> Sequence[str]:
        return [str(link.address) for link in self.links]

    def knows(self, shard: int) -> bool:
        """Whether a server is the one that the ledger would enter."""
        return self.links[shard].name == self.names[shard]

    def close(self) -> None:
        """End all connections."""
        for link in self.links:
            link.close()

    def __enter__(self) -> GrpcShards:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _known(self) -> bool:
        """Whether the servers were found to be right for this model before."""
        return self._agreed == self.metadata.weights_sha256

    def _fault_of(self, abort: Abort, link: Link) -> ShardError | None:
        """What keeps a server from taking part, if anything does."""
        breaker, shard = self.breakers[link.shard], link.shard
        if shard in self.quarantined:
            return BadAnswer(shard, self.quarantined[shard])
        if not breaker.admits:
            return ShardUnavailable(shard, f"{link} failed a moment ago: start it again")
        begun = time.monotonic()
        try:
            link.verify(self.metadata, abort)
        except ShardError as fault:
            if self._known or not isinstance(fault, ShardRefused):
                breaker.fail(time.monotonic() - begun)
                log.warning("%s", fault)
            if isinstance(fault, BadAnswer):
                self.quarantined[shard] = str(fault)
            return fault
        return None

    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        call = _Call(self, round_, shard, windows)
        return call.carry_out("RunWindows", call.read_window)

    def _encode_image(self, round_: Round, shard: int, payloads: Sequence[Payload]) -> Payload:
        call = _Call(self, round_, shard, dict(enumerate(payloads)))
        answers = call.carry_out("EncodeImage", call.read_band)
        try:
            return join(answers)
        except WireError as error:
            raise BadAnswer(shard, f"{call.link}: {error}") from error


def _refuse_twins(addresses: Sequence[Address], known: Sequence[Collection[object]]) -> None:
    """Refuse two addresses that are one server by what is known of each.

    Raises:
        PedbenchError: names both.
    """
    for (one, of_one), (other, of_other) in combinations(zip(addresses, known, strict=True), 2):
        if same := set(of_one) & set(of_other):
            raise PedbenchError(
                f"{one} and {other} are one server ({min(map(str, same))}), given twice: it would "
                "see what two servers may see; name each server once, with a key of its own"
            )


class _Call:
    """One server's part of a round, on its way."""

    def __init__(
        self, shards: GrpcShards, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> None:
        self.shards = shards
        self.link = shards.links[shard]
        self.round = round_
        self.windows = windows
        self.tie = pb.Tie(session=round_.session, request=round_.request, round=round_.index)
        self.work = len(windows) * len(round_.blocks)
        self.rows = 0
        self.encode = 0.0
        self.decode = 0.0

    def carry_out(
        self, method: str, read: Callable[[Any], tuple[int, Payload]]
    ) -> dict[int, Payload]:
        """Send, and read every answer; no more is read than was asked for.

        Raises:
            ShardError: by what became of it.
            Aborted: the request was given up meanwhile.
        """
        abort = self.round.abort
        self.link.verify(self.shards.metadata, abort)
        return self.link.attempt(lambda: self._once(method, read), abort)

    def _once(self, method: str, read: Callable[[Any], tuple[int, Payload]]) -> dict[int, Payload]:
        start = time.perf_counter()
        self.encode = self.decode = 0.0
        self.rows = 0
        shard, whole_image = self.link.shard, method == "EncodeImage"
        failures = self.shards.breakers[shard].failures
        seconds = self.shards.pace.deadline(shard, whole_image, self.work, failures)
        name = self.round.servers[shard]
        call = self.link.stream(name, method, self._requests(), seconds)
        try:
            with self.round.abort.holding(call.cancel):
                answers = self._read_all(call, read)
        except grpc.RpcError:
            raise
        except BaseException:
            call.cancel()
            raise
        taken = time.perf_counter() - start
        self.shards.pace.note(shard, whole_image, self.work, taken)
        self._note(call, taken)
        return answers

    def _read_all(
        self, call: grpc.Call, read: Callable[[Any], tuple[int, Payload]]
    ) -> dict[int, Payload]:
        answers: dict[int, Payload] = {}
        for message in call:
            begun = time.perf_counter()
            index, payload = self._read(message, read)
            if index in answers:
                raise self._bad(f"answered {index} twice")
            answers[index] = payload
            self.decode += time.perf_counter() - begun
        return answers

    def _requests(self) -> Iterator[pb.Request]:
        yield pb.Request(
            opening=pb.Opening(
                protocol=PROTOCOL,
                weights_sha256=self.shards.metadata.weights_sha256,
                tie=self.tie,
                blocks=self.round.blocks,
                codec=CODECS[self.round.codec][0],
                windows=len(self.windows),
            )
        )
        for index, payload in self.windows.items():
            begun = time.perf_counter()
            window = pb.Window(index=index, payload=to_message(payload))
            request = pb.Request(window=window)
            self.encode += time.perf_counter() - begun
            yield request

    def _read(self, message: Any, read: Callable) -> tuple[int, Payload]:
        if message.tie != self.tie:
            raise self._bad("answered an older request, or another's")
        try:
            return read(message)
        except WireError as error:
            raise self._bad(f"sent a malformed answer: {error}") from error

    def read_window(self, message: pb.WindowAnswer) -> tuple[int, Payload]:
        """A window's index and its result."""
        index = message.window.index
        if index not in self.windows:
            raise self._bad(f"answered window {index}, which it was not sent")
        payload = from_message(message.window.payload)
        window = self.round.grid.windows[index]
        shape = (window.height, window.width, self.shards.stage.width)
        check_form(self.link.shard, payload, shape, self.round.codec, f"window {index}")
        return index, payload

    def read_band(self, message: pb.BandAnswer) -> tuple[int, Payload]:
        """A band's first row and its features."""
        payload = from_message(message.payload)
        rows, side = len(payload.data), self.round.grid.tokens_per_side
        self.rows += rows
        if not rows or message.top + rows > side or self.rows > side:
            raise self._bad(f"sent other rows than the {side} of the embedding")
        shape = (rows, side, self.shards.stage.image_width)
        check_form(self.link.shard, payload, shape, self.round.codec, f"row {message.top}")
        return message.top, payload

    def _bad(self, what: str) -> BadAnswer:
        return BadAnswer(self.link.shard, f"{self.link} {what}")

    def _note(self, call: grpc.Call, seconds: float) -> None:
        """Keep the timing, with what the server says of its own part."""
        trailer = dict(call.trailing_metadata() or ())
        wait, compute = (_seconds(trailer.get(key, "0")) for key in ("wait", "compute"))
        self.shards.timings.append(
            Timing(
                self.link.shard,
                self.round.index,
                seconds,
                self.encode,
                self.decode,
                wait,
                compute,
            )
        )


def _seconds(text: str | bytes) -> float:
    """What a server says of its time; 0 where that is no duration."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value >= 0 else 0.0
