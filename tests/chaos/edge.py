"""The edge under test: asks, compares with the undisturbed run, and checks caps by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework import DistributedSamPredictor, GrpcShards, LocalShards, PedbenchError, Tls
from framework.exposure import Caps, Guard, Ledger
from framework.models.build import PedSam
from framework.split.observation import WindowMessage
from framework.transport.patience import Patience

PER_SERVER, PER_PAIR = 0.4, 0.7
BOX = np.array([100, 60, 420, 330])


@dataclass
class Tally:
    """What became of some requests.

    Attributes:
        requests: how many.
        right: masks equal to the undisturbed one.
        errors: ended with one clear line; ``messages`` are those lines.
        wrong: masks that differ, and failures of any other kind.
        exceeded: servers, or pairs of them, that were sent more than their cap.
    """

    requests: int = 0
    right: int = 0
    errors: int = 0
    wrong: int = 0
    exceeded: int = 0
    messages: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


class Edge:
    """An edge with caps and a ledger.

    Args:
        sam, photo: what it computes.
        folder: for ledgers; each call of `ask` has its own.
        tls: its certificate.
        patience: shorter than usual.
    """

    def __init__(
        self,
        sam: PedSam,
        photo: NDArray[np.uint8],
        folder: Path,
        tls: Tls | None,
        patience: Patience,
    ) -> None:
        self.sam, self.photo, self.folder = sam, photo, folder
        self.tls, self.patience = tls, patience
        self.ledgers = 0
        undisturbed = DistributedSamPredictor(sam, LocalShards(4))
        undisturbed.set_image(photo)
        self.mask = self.segment(undisturbed)

    def segment(self, predictor: DistributedSamPredictor) -> NDArray[np.bool_]:
        """The mask of the box."""
        mask: NDArray[np.bool_] = predictor.predict(box=BOX, multimask_output=False)[0][0]
        return mask

    def ask(
        self,
        addresses: Sequence[str],
        requests: int = 1,
        ledger: Path | None = None,
        tap: Any = None,
        plan: str = "interleaved",
        **options: Any,
    ) -> Tally:
        """Segment the photo, as one scene, so often; never raises.

        Args:
            addresses: the servers.
            requests: how often.
            ledger: an earlier one to go on with.
            tap: is told of every message as well.
            plan: the split plan.
            options: of `GrpcShards`.
        """
        self.ledgers += 1
        book = Ledger(ledger or self.folder / f"{self.ledgers}.db")
        seen: list[WindowMessage] = []
        tally = Tally()
        options = {"guard": Guard(book, CAPS), "tls": self.tls, "patience": self.patience} | options
        try:
            with GrpcShards(addresses, **options) as shards:
                shards.taps += [seen.append, *([tap] if tap else [])]
                predictor = DistributedSamPredictor(self.sam, shards, plan=plan)
                for _ in range(requests):
                    self._request(predictor, tally)
                if options["guard"]:
                    tally.exceeded = exceeded(predictor, seen, book)
        except PedbenchError as error:
            tally += Tally(requests, errors=requests, messages=[str(error)])
        finally:
            book.close()
        return tally

    def _request(self, predictor: DistributedSamPredictor, tally: Tally) -> None:
        tally.requests += 1
        try:
            with predictor.scene(self.photo, "chaos"):
                predictor.set_image(self.photo)
            mask = self.segment(predictor)
            iou = (mask & self.mask).sum() / (mask | self.mask).sum()
            if iou >= 0.9999:
                tally.right += 1
            else:
                tally.wrong += 1
                tally.messages.append(f"IoU {iou:.6f}")
        except PedbenchError as error:
            clear = str(error) and "\n" not in str(error)
            tally.errors += bool(clear)
            tally.wrong += not clear
            tally.messages.append(str(error))
        except Exception as error:
            tally.wrong += 1
            tally.messages.append(f"{type(error).__name__}: {error}")


CAPS = Caps(per_server=PER_SERVER, coalition=(2, PER_PAIR))


def exceeded(
    predictor: DistributedSamPredictor, seen: Sequence[WindowMessage], ledger: Ledger
) -> int:
    """Servers and pairs above their cap: by the messages that went out, and by the ledger.

    The messages are counted in frame pixels, without the guard's own arithmetic.
    """
    grid = predictor.encoder.last.grid
    count = 0
    if grid is not None:
        windows: defaultdict[int, set[int]] = defaultdict(set)
        for message in seen:
            windows[message.shard].add(message.window)
        masks = {shard: grid.pixel_mask(held) for shard, held in windows.items()}
        count += _above(list(masks.values()))
    for scene in ledger.scenes():
        coverage = ledger.coverage(scene)
        count += _above([coverage.of(server) for server in coverage.seen])
    return count


def _above(masks: Sequence[NDArray[np.bool_]]) -> int:
    alone = sum(mask.mean() > PER_SERVER for mask in masks)
    return int(alone + sum((a | b).mean() > PER_PAIR for a, b in combinations(masks, 2)))
