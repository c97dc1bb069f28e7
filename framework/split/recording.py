"""What crossed the boundary between edge and servers for one picture."""

from __future__ import annotations

from dataclasses import dataclass

from framework.exposure.scene import View
from framework.split.observation import WindowMessage
from framework.split.payload import Payload
from framework.split.windows import WindowGrid


@dataclass(frozen=True)
class Traffic:
    """What really crossed for one picture, without framing.

    Attributes:
        bytes_up, bytes_down: payload bytes to and from the servers.
        rounds: rounds of windows sent and answers received.
    """

    bytes_up: int
    bytes_down: int
    rounds: int


class Recording:
    """A tap that keeps the messages of one picture, whatever else crosses meanwhile.

    Attributes:
        decoys: what was sent beside the windows of the picture.
    """

    def __init__(
        self, grid: WindowGrid | None = None, view: View | None = None, number: int = 0
    ) -> None:
        self.grid = grid
        self.view = view
        self.number = number
        self.messages: list[WindowMessage] = []
        self.decoys: set[Payload] = set()
        self.image_bytes_down = 0

    def __call__(self, message: WindowMessage) -> None:
        if message.frame == self.number:
            self.messages.append(message)

    @property
    def real(self) -> list[WindowMessage]:
        """The messages that are no decoys."""
        return [message for message in self.messages if message.sent not in self.decoys]

    @property
    def traffic(self) -> Traffic:
        """Totals over the messages."""
        returned = [m.returned.nbytes for m in self.messages if m.returned is not None]
        return Traffic(
            bytes_up=sum(m.sent.nbytes for m in self.messages),
            bytes_down=sum(returned) + self.image_bytes_down,
            rounds=len({m.round for m in self.messages}),
        )
