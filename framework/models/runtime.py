"""Who computes the encoder's blocks: PyTorch, unless another runtime is put in its place."""

from __future__ import annotations

from collections.abc import Sequence

from segment_anything.modeling import ImageEncoderViT
from torch import Tensor

from framework.models.block import on_windows


class Runtime:
    """Runs parts of an encoder with the modules themselves; the same for shards and edge.

    Args:
        encoder: whose parts they are.
    """

    def __init__(self, encoder: ImageEncoderViT) -> None:
        self.encoder = encoder

    def prepare(self) -> None:
        """Do now what the first picture would have to wait for."""

    def embed(self, image: Tensor) -> Tensor:
        """Normalised pixels [batch, 3, img_size, img_size] to token maps with their positions."""
        return self.encoder.patch_embed(image) + self.encoder.pos_embed

    def windows(
        self, blocks: Sequence[int], tokens: Tensor, source: Tensor, slots: Tensor
    ) -> Tensor:
        """Run window ``blocks`` on loose windows; arguments as in `FoldedBlock.on_windows`."""
        for index in blocks:
            tokens = on_windows(self.encoder.blocks[index], tokens, source, slots)
        return tokens

    def maps(self, blocks: Sequence[int], tokens: Tensor) -> Tensor:
        """Run ``blocks`` of either kind on whole maps [batch, rows, columns, channels]."""
        for index in blocks:
            tokens = self.encoder.blocks[index](tokens)
        return tokens

    def neck(self, tokens: Tensor) -> Tensor:
        """Token maps to image embeddings, float32 [batch, channels, rows, columns]."""
        return self.encoder.neck(tokens.permute(0, 3, 1, 2)).float()
