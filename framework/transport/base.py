"""The boundary between edge and shards, where every message is guarded and recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future

from framework.split.payload import Payload
from framework.transport.exchange import Exchange, InTurn
from framework.transport.round import HOME, Round
from framework.transport.serve import serve_image, serve_together, serve_windows
from framework.transport.servers import Answers, Asked, Fallback, Servers, Tap

__all__ = [
    "HOME",
    "Answers",
    "Asked",
    "Fallback",
    "LocalShards",
    "Round",
    "SeparateShards",
    "Shards",
    "Tap",
    "serve_image",
    "serve_windows",
]


class Shards(Servers):
    """Servers that run window blocks, with the rounds in which they do.

    Subclasses only move bytes: caps, recording, checks of answers and the handling of failed
    servers are the same for all (`framework.transport.exchange`).
    """

    def exchange(
        self,
        round_: Round,
        owners: Sequence[int],
        payloads: Sequence[Payload],
        decoys: Mapping[int, Mapping[int, Payload]] | None = None,
    ) -> list[Payload]:
        """Send every window to its owner and collect what comes back, in window order.

        Windows of `HOME` are computed on the edge meanwhile. Every attempt is entered in the
        ledger before it leaves and recorded by the taps, also when an error is raised.

        Args:
            decoys: what goes along, by server and window. It shows nothing of the scene, so that
                the ledger knows nothing of it; the taps are told of it as of any window.

        Raises:
            PedbenchError: a window could not be computed, or a server is set up wrongly.
        """
        return Exchange(self, round_, payloads, decoys).windows(owners)

    def encode_image(self, round_: Round, payloads: Sequence[Payload]) -> Payload:
        """Send the whole frame, cut into windows, to server 0; get the image embedding back.

        Raises:
            PedbenchError: as in `exchange`.
        """
        return Exchange(self, round_, payloads).image()


class SeparateShards(Shards):
    """Shards in this process, one after the other: they share the processor anyway."""

    def pool(self) -> Executor:
        return InTurn()

    def line(self, in_flight: int) -> Executor:
        return InTurn()

    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        return serve_windows(self.stage, round_, windows)

    def _encode_image(self, round_: Round, shard: int, payloads: Sequence[Payload]) -> Payload:
        return serve_image(self.stage, round_, payloads)


class LocalShards(SeparateShards):
    """Shards in this process: the same arithmetic and the same payloads, without a network.

    Their windows are computed in one batch, as each window's result depends on that window alone.
    """

    def _ask(self, pool: Executor, round_: Round, windows: Asked) -> dict[int, Future[Answers]]:
        rounds = [(round_, payloads) for payloads in windows.values()]
        together = pool.submit(serve_together, self.stage, rounds)
        return {
            shard: pool.submit(lambda i: together.result()[i], i) for i, shard in enumerate(windows)
        }
