"""What is asked of the servers in one round."""

from __future__ import annotations

from dataclasses import dataclass, field

from framework.exposure.scene import View
from framework.split.windows import WindowGrid
from framework.transport.abort import Abort

HOME = -1
"""The owner of a window that never leaves the edge."""


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        grid: the windows of this picture.
        index: 0 for the first round of a picture.
        request: number of the request in its session: each picture is one, from 0.
        blocks: window blocks that the shards run, or all blocks for a centralised server.
        codec: how results travel back.
        session: random name of the edge's session; with ``request`` and ``index`` it ties an
            answer to its question.
        view: where the picture lies in its scene; it stays on the edge.
        abort: gives its request up. This and what follows stay on the edge as well.
        lost: servers that failed in this request; they are not asked again in it.
        servers: their names, under which the ledger enters what they are sent.
    """

    grid: WindowGrid
    index: int
    request: int
    blocks: tuple[int, ...]
    codec: str
    session: str = ""
    view: View | None = None
    abort: Abort = field(default_factory=Abort, compare=False, repr=False)
    lost: set[int] = field(default_factory=set, compare=False, repr=False)
    servers: tuple[str, ...] = ()
