"""Work and bytes of a plan, from the architecture alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from framework.models.architectures import Architecture
from framework.split.payload import INT_LIMIT, PIXELS, PayloadSpec
from framework.split.plans import Place, make_plan

CHANNELS = 3
MASK_TOKENS = 5
"""Of the mask decoder: one for the predicted IoU, four for masks."""
BOX_TOKENS = 2
ATTENTION_SHRINK = 2
"""The decoder attends in half its width (`segment_anything`'s default)."""

BITS = {"float32": 32, "float16": 16, "bfloat16": 16, "int8": 8, "int4": 4}
SCALE_BYTES = 4


@dataclass(frozen=True)
class Work:
    """Multiply-accumulates of one picture, stock arithmetic, by who computes them.

    Attributes:
        edge, servers: MAC; the edge's include the mask decoder.
        decoder: of them, the mask decoder's.
    """

    edge: int
    servers: int
    decoder: int

    @property
    def encoder(self) -> int:
        """All of the image encoder."""
        return self.edge + self.servers - self.decoder

    @property
    def offloaded(self) -> float:
        """Share of the encoder that the servers compute, 0 to 1."""
        return self.servers / self.encoder


def work(arch: Architecture, plan: str) -> Work:
    """Who computes how much."""
    servers = edge = 0
    for step in make_plan(plan, arch).steps:
        macs = sum(block_macs(arch, index) for index in step.blocks)
        if step.place is Place.EDGE:
            edge += macs
        else:
            servers += macs
    rest = embed_macs(arch) + neck_macs(arch)
    if plan == "centralized":
        servers += rest
    else:
        edge += rest
    decoder = decoder_macs(arch)
    return Work(edge + decoder, servers, decoder)


def block_macs(arch: Architecture, index: int) -> int:
    """One encoder block; a window block's attention also runs on the padding of border windows."""
    tokens, width = arch.grid_size**2, arch.width
    if index in arch.global_blocks:
        side, maps = arch.grid_size, 1
    else:
        side, maps = arch.window_size, ceil(arch.grid_size / arch.window_size) ** 2
    attended = maps * side**2
    projections = 4 * attended * width**2
    products = 2 * attended * side**2 * width
    positions = attended * 2 * side * width
    return projections + products + positions + 8 * tokens * width**2


def embed_macs(arch: Architecture) -> int:
    """The patch embedding."""
    return arch.grid_size**2 * arch.patch_size**2 * CHANNELS * arch.width


def neck_macs(arch: Architecture) -> int:
    """The neck: a 1×1 and a 3×3 convolution."""
    return arch.grid_size**2 * (arch.width + 9 * arch.prompt_width) * arch.prompt_width


def decoder_macs(arch: Architecture, prompts: int = BOX_TOKENS) -> int:
    """The mask decoder for one prompt of so many tokens, by default a box."""
    image, width, tokens = arch.grid_size**2, arch.prompt_width, MASK_TOKENS + prompts
    inner = width // ATTENTION_SHRINK
    across = 2 * (image + tokens) * width * inner + 2 * image * tokens * inner
    itself = 4 * tokens * width**2 + 2 * tokens**2 * width
    layer = itself + 2 * across + 2 * tokens * width * arch.decoder_mlp
    upscale = image * width * width + 4 * image * (width // 4) * (width // 2)
    hyper = (MASK_TOKENS - 1) * (2 * width**2 + width * width // 8)
    masks = (MASK_TOKENS - 1) * 16 * image * (width // 8)
    iou = 2 * width**2 + width * (MASK_TOKENS - 1)
    return 2 * layer + across + upscale + hyper + masks + iou


def payload_bytes(arch: Architecture, plan: str, payload: str) -> tuple[int, int, int]:
    """Bytes up, bytes down and rounds of a square photo.

    Args:
        payload: as in `PayloadSpec`; a centralised server gets pixels in any case.
    """
    spec, tokens = PayloadSpec.parse(payload), arch.grid_size**2
    rounds = make_plan(plan, arch).rounds
    pixels = arch.img_size**2 * CHANNELS
    if plan == "centralized":
        return pixels, tokens * token_bytes(arch.prompt_width, spec.tokens), 1
    down = rounds * tokens * token_bytes(arch.width, spec.tokens)
    up = down
    if rounds and spec.first == PIXELS:
        up += pixels - tokens * token_bytes(arch.width, spec.tokens)
    return up, down, rounds


def token_bytes(width: int, codec: str) -> int:
    """Bytes of one token of ``width`` channels; integer codecs add a scale."""
    return width * BITS[codec] // 8 + (SCALE_BYTES if codec in INT_LIMIT else 0)
