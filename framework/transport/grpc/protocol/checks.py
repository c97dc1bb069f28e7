"""What a server accepts: nothing here trusts the sender."""

from __future__ import annotations

import re
from dataclasses import dataclass

from framework.models.architectures import Architecture
from framework.split.payload import PIXELS, Payload
from framework.split.windows import WindowGrid
from framework.transport.grpc.protocol.metadata import PROTOCOL
from framework.transport.grpc.protocol.proto import shard_pb2 as pb
from framework.transport.grpc.protocol.wire import WireError, codec_name, from_message
from framework.transport.round import Round

SESSION = re.compile("[0-9a-f]{1,64}")


class Foreign(Exception):
    """The sender has another protocol version or other weights; the text says which."""


@dataclass(frozen=True)
class Call:
    """An accepted opening.

    Attributes:
        round: the round that it opens. A server does not know how much of the frame is photo.
        tie: what every answer carries.
        windows: how many windows follow.
    """

    round: Round
    tie: pb.Tie
    windows: int


def read_opening(
    message: pb.Request, arch: Architecture, weights: bytes, whole_image: bool
) -> Call:
    """Check the first message of a call.

    Args:
        message: as it came.
        arch: what this server runs.
        weights: hash of its encoder.
        whole_image: whether the whole frame is to be encoded rather than windows.

    Raises:
        Foreign: the sender's protocol or weights are others.
        WireError: anything else that is not as the protocol says.
    """
    if message.WhichOneof("part") != "opening":
        raise WireError("the first message of a call must be an opening")
    opening = message.opening
    if opening.protocol != PROTOCOL:
        raise Foreign(f"protocol {opening.protocol} asked for, this server speaks {PROTOCOL}")
    if opening.weights_sha256 != weights:
        raise Foreign("other weights asked for than this server holds")
    if not SESSION.fullmatch(opening.tie.session):
        raise WireError("a session is named by 1 to 64 hexadecimal digits")
    codec = codec_name(opening.codec)
    if codec == PIXELS:
        raise WireError("results are tokens and cannot travel as pixels")
    blocks = tuple(opening.blocks)
    if not (blocks == tuple(range(arch.depth)) if whole_image else is_window_run(blocks, arch)):
        raise WireError("those blocks do not run here in one round")
    grid = WindowGrid.of(arch, (arch.img_size, arch.img_size))
    count = len(grid.windows)
    if opening.windows != count if whole_image else not 1 <= opening.windows <= count:
        raise WireError(f"{opening.windows} windows announced of a grid of {count}")
    tie = opening.tie
    round_ = Round(grid, tie.round, tie.request, blocks, codec, session=tie.session)
    return Call(round_, tie, opening.windows)


def is_window_run(blocks: tuple[int, ...], arch: Architecture) -> bool:
    """Whether these are window blocks that follow one another, global blocks aside."""
    stock = arch.window_blocks
    if not blocks or blocks[0] not in stock:
        return False
    start = stock.index(blocks[0])
    return blocks == stock[start : start + len(blocks)]


def read_window(message: pb.Request, call: Call, arch: Architecture) -> tuple[int, Payload]:
    """Check a later message: the window's index and what it holds.

    Raises:
        WireError: no window, one outside the grid, or a payload that does not fit it.
    """
    if message.WhichOneof("part") != "window":
        raise WireError("a call has one opening, then windows")
    index = message.window.index
    if index >= len(call.round.grid.windows):
        raise WireError(f"window {index} is outside the grid")
    window = call.round.grid.windows[index]
    payload = from_message(message.window.payload)
    shape = payload.data.shape
    if payload.codec == PIXELS:
        height, width = window.height * arch.patch_size, window.width * arch.patch_size
        if call.round.blocks[0] != 0:
            raise WireError("pixels go into block 0 only")
        if shape[0] > height or shape[1] > width or shape[2] != 3:
            raise WireError(f"pixels {shape} do not fit window {index}")
        return index, payload
    channels = arch.width // 2 if payload.codec == "int4" else arch.width
    if shape != (window.height, window.width, channels):
        raise WireError(f"{payload.codec} tokens {shape} do not fit window {index}")
    return index, payload
