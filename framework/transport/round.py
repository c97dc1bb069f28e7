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
        frame: 0 for the first picture of a session.
        blocks: window blocks that the shards run, or all blocks for a centralised server.
        codec: how results travel back.
        session: random name of the edge's session; with ``request`` and ``index`` it ties an
            answer to its question.
        view: where the picture lies in its scene; it stays on the edge.
        abort: gives its request up; it stays on the edge as well.
    """

    grid: WindowGrid
    index: int
    frame: int
    blocks: tuple[int, ...]
    codec: str
    session: str = ""
    view: View | None = None
    abort: Abort = field(default_factory=Abort, compare=False, repr=False)

    @property
    def request(self) -> int:
        """Number of the request in its session: each picture is one."""
        return self.frame
