"""`segment_anything`'s ViT, run by its own modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from segment_anything.modeling import ImageEncoderViT
from segment_anything.modeling.image_encoder import Attention, Block
from torch import Tensor, nn

from framework.models.architectures import Architecture
from framework.models.block import fold_attention, on_windows
from framework.models.encoder import ENCODERS, Encoder, cannot_split

NEEDED = ("img_size", "patch_embed", "pos_embed", "blocks", "neck")
NEEDED_OF_BLOCKS = ("norm1", "attn", "norm2", "mlp", "window_size")


@ENCODERS.register("sam_vit")
class SamVit(Encoder):
    """The encoder of SAM, and others whose parts have the same names."""

    summary = "the ViT of Segment Anything, stock, fine-tuned or with changed layers"
    module: ImageEncoderViT

    @classmethod
    def build(cls, arch: Architecture) -> ImageEncoderViT:
        return ImageEncoderViT(
            img_size=arch.img_size,
            patch_size=arch.patch_size,
            embed_dim=arch.width,
            depth=arch.depth,
            num_heads=arch.heads,
            out_chans=arch.prompt_width,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=arch.window_size,
            global_attn_indexes=arch.global_blocks,
        )

    @classmethod
    def reads(cls, module: nn.Module) -> bool:
        return all(getattr(module, name, None) is not None for name in NEEDED)

    def architecture(self) -> Architecture:
        encoder = self.module
        missing = [name for name in NEEDED if getattr(encoder, name, None) is None]
        if missing:
            raise cannot_split(encoder, f"it has no '{missing[0]}'")
        sizes = [self._window_size(block) for block in encoder.blocks]
        windows = sorted({size for size in sizes if size})
        if len(windows) != 1:
            raise cannot_split(encoder, f"its blocks have windows of sizes {windows}, not of one")
        if all(sizes):
            raise cannot_split(encoder, "none of its blocks attends globally")
        return Architecture(
            name="adopted",
            img_size=int(encoder.img_size),
            patch_size=int(encoder.patch_embed.proj.kernel_size[0]),
            window_size=windows[0],
            width=int(encoder.pos_embed.shape[-1]),
            depth=len(sizes),
            heads=int(encoder.blocks[0].attn.num_heads),
            global_blocks=tuple(i for i, size in enumerate(sizes) if not size),
            prompt_width=int(encoder.neck[0].out_channels),
            decoder_mlp=0,
        )

    def kinds(self, window_blocks: Sequence[int]) -> Mapping[str, int]:
        return {type(self.module.blocks[index]).__name__: index for index in window_blocks}

    @property
    def positions(self) -> Tensor:
        return self.module.pos_embed

    def patches(self, image: Tensor) -> Tensor:
        return self.module.patch_embed(image)

    def patch_map(self) -> tuple[Tensor, Tensor]:
        projection = self.module.patch_embed.proj
        kernel = projection.weight.detach().cpu().double().permute(0, 2, 3, 1)
        return kernel.flatten(1), projection.bias.detach().cpu().double()

    def weights_of(self, blocks: Sequence[int]) -> tuple[str, ...]:
        return ("patch_embed.", "pos_embed", *(f"blocks.{index}." for index in blocks))

    def windows(
        self, blocks: Sequence[int], tokens: Tensor, source: Tensor, slots: Tensor
    ) -> Tensor:
        for index in blocks:
            tokens = on_windows(self.module.blocks[index], tokens, source, slots)
        return tokens

    def maps(self, blocks: Sequence[int], tokens: Tensor) -> Tensor:
        for index in blocks:
            tokens = self.module.blocks[index](tokens)
        return tokens

    def neck(self, tokens: Tensor) -> Tensor:
        return self.module.neck(tokens.permute(0, 3, 1, 2)).float()

    def fold(self) -> None:
        blocks = self.module.blocks
        if all(type(block) is Block and type(block.attn) is Attention for block in blocks):
            fold_attention(self.module)

    def _window_size(self, block: nn.Module) -> int:
        for part in NEEDED_OF_BLOCKS:
            if not hasattr(block, part):
                raise cannot_split(self.module, f"its {type(block).__name__} has no '{part}'")
        return int(block.window_size)  # type: ignore[arg-type]
