"""The interface of a side channel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from framework.models.build import PedSam
from framework.registry import Registry
from framework.split.observation import Observation


class SideChannel(ABC):
    """Reads off an observation what it was not meant to say.

    Attributes:
        name: as registered.
        summary: one line.

    Args:
        sam: the model, whose weights are known.
    """

    name: str = ""
    summary: str = ""

    def __init__(self, sam: PedSam) -> None:
        self.sam = sam

    @abstractmethod
    def read(self, observation: Observation) -> Any:
        """What the channel says; each says what that is."""


SIDE_CHANNELS: Registry[type[SideChannel]] = Registry(
    "side channel",
    "attacks.analyses.side_channels",
    "pedbench.side_channels",
    SideChannel,
)
