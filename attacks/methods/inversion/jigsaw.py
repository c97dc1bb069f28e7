"""Inversion where positions are hidden: windows are put in their places first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, QUERIES, Knowledge
from attacks.methods.inversion.linear import Ridge
from attacks.solvers.puzzle.placement import assemble
from attacks.solvers.puzzle.positions import PositionPredictor, assigned
from framework.split.observation import Observation
from framework.split.payload import PIXELS, Payload

PREDICTOR = "predictor."


@ATTACKS.register("jigsaw")
class Jigsaw(Ridge):
    """`Ridge` for windows that come without their index in the grid.

    Tokens tell their place themselves, since they carry the position embedding: a ridge regression
    from public photos reads it off. Pixels are put together by how well their edges fit (Gallagher,
    CVPR 2012). Either way a window only goes where its size fits, and no two go to one cell.

    A window's index counts as hidden where it lies beyond the grid.
    """

    summary = "windows without positions put in place by their edges or tokens, then ridge"
    needs = frozenset({QUERIES})

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        if self.recall("pixels")[0]:
            return
        stage, grid = int(self.recall("stage")[0]), knowledge.public[0].observation.grid
        predictor = PositionPredictor(len(grid.windows))
        predictor.fit([e.observation.tokens(stage) for e in knowledge.public])
        self.learned |= {PREDICTOR + name: value for name, value in predictor.learned.items()}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        return super().reconstruct(self.placed(observation))

    def placed(self, observation: Observation) -> Observation:
        """The observation with every window at the place where it seems to belong."""
        cells = len(observation.grid.windows)
        stage = int(self.recall("stage")[0])
        first = {
            m.window: m.sent
            for m in observation.messages
            if m.stage == stage and m.window >= cells and m.sent.data.size
        }
        place = dict(zip(first, self._cells(observation, list(first.values())), strict=True))
        messages = tuple(
            replace(m, window=int(place.get(m.window, m.window)))
            for m in observation.messages
            if m.window < cells or m.window in place
        )
        return replace(observation, messages=messages, positions_known=True)

    def _cells(self, observation: Observation, payloads: list[Payload]) -> NDArray[np.int64]:
        if not payloads:
            return np.zeros(0, dtype=np.int64)
        grid = observation.grid
        pixels = payloads[0].codec == PIXELS
        sizes = [
            (w.content_height, w.content_width) if pixels else (w.height, w.width)
            for w in grid.windows
        ]
        fits = np.array([[p.data.shape[:2] == size for size in sizes] for p in payloads])
        if pixels:
            return assigned(self._by_edges(observation, payloads), fits)
        state = {
            name.removeprefix(PREDICTOR): value
            for name, value in self.learned.items()
            if name.startswith(PREDICTOR)
        }
        predictor = PositionPredictor(len(grid.windows), state)
        return assigned(predictor.scores([p.decode() for p in payloads]), fits)

    def _by_edges(self, observation: Observation, payloads: list[Payload]) -> NDArray[np.float64]:
        """Scores [windows, cells]: the nearer to where the edges put a window, the better."""
        side = observation.grid.windows_per_side
        found = assemble([p.data.astype(np.float64) for p in payloads], (side, side))
        rows, columns = np.divmod(np.arange(side * side), side)
        distance = np.abs(rows - rows[found][:, None]) + np.abs(columns - columns[found][:, None])
        return -distance.astype(np.float64)
