"""Windows that nobody was sent: there lies what the user guards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attacks.analyses.side_channels.base import SIDE_CHANNELS, SideChannel
from framework.models.build import PedSam
from framework.split.observation import Observation
from framework.split.windows import WindowGrid


@SIDE_CHANNELS.register("absence")
class Absence(SideChannel):
    """Guesses which windows stayed at home.

    Windows are dealt in equal shares, so that a shard's own share tells how many were dealt at all.
    So many as are missing are then taken from those of which the coalition received least, the
    nearest to the middle of the photo first. All shards together leave nothing to guess, unless
    decoys stand in the gaps.

    Args:
        sam: as in `SideChannel`.
        decoys: for each real window, where that defence is known to be in use.
    """

    summary = "which windows stay on the edge, from those that no shard is sent"

    def __init__(self, sam: PedSam, decoys: float = 0.0) -> None:
        super().__init__(sam)
        self.decoys = decoys

    def read(self, observation: Observation) -> frozenset[int]:
        """Indices of content windows."""
        content = observation.grid.content
        received = Counter(m.window for m in observation.messages if m.round == 0)
        share = sum(received[w] for w in content) / (1 + self.decoys)
        dealt = share * observation.n_shards / max(len(observation.shards), 1)
        missing = min(max(len(content) - round(dealt), 0), len(content))
        central = centrality(observation.grid)
        order = sorted(content, key=lambda w: (received[w], -central[w]))
        return frozenset(order[:missing])


def centrality(grid: WindowGrid) -> Mapping[int, float]:
    """Minus the distance of a content window's middle from the photo's, relative to its sides."""
    height, width = grid.frame_size
    found = {}
    for index in grid.content:
        y0, x0, y1, x1 = grid.pixel_box(grid.windows[index])
        down, across = (y0 + y1) / 2 / height - 0.5, (x0 + x1) / 2 / width - 0.5
        found[index] = -(down * down + across * across)
    return found
