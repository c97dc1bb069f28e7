"""The sizes of Segment Anything's models, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Architecture:
    """Everything that distinguishes one SAM from another.

    Attributes:
        img_size: side of the square model input, pixels.
        patch_size: side of a token's patch, pixels.
        window_size: side of an attention window, tokens.
        width: channels of a token in the encoder.
        depth: number of encoder blocks.
        heads: attention heads per encoder block.
        global_blocks: indices of the blocks whose attention spans the whole image.
        prompt_width: channels of the image embedding, prompt encoder and mask decoder.
        decoder_mlp: hidden width of the mask decoder's two-way transformer.
    """

    name: str
    img_size: int
    patch_size: int
    window_size: int
    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]
    prompt_width: int
    decoder_mlp: int

    @property
    def window_blocks(self) -> tuple[int, ...]:
        """Indices of the blocks whose attention stays within a window."""
        return tuple(i for i in range(self.depth) if i not in self.global_blocks)

    @property
    def grid_size(self) -> int:
        """Tokens along one side of the input."""
        return self.img_size // self.patch_size


GLOBALS_LAST = "_globals_last"


def globals_last(arch: Architecture, remaining: int | None = None) -> Architecture:
    """``arch`` with its last blocks global and all others window blocks.

    Args:
        remaining: how many blocks are global; as many as before when ``None``.
    """
    count = len(arch.global_blocks) if remaining is None else remaining
    last = tuple(range(arch.depth - count, arch.depth))
    return replace(arch, name=arch.name + GLOBALS_LAST, global_blocks=last)


STOCK_ORDER = (
    Architecture("tiny", 256, 8, 7, 192, 8, 3, (1, 3, 5, 7), 128, 1024),
    Architecture("vit_b", 1024, 16, 14, 768, 12, 12, (2, 5, 8, 11), 256, 2048),
    Architecture("vit_l", 1024, 16, 14, 1024, 24, 16, (5, 11, 17, 23), 256, 2048),
    Architecture("vit_h", 1024, 16, 14, 1280, 32, 16, (7, 15, 23, 31), 256, 2048),
)
ARCHITECTURES = {arch.name: arch for stock in STOCK_ORDER for arch in (stock, globals_last(stock))}
