"""The encoder as ONNX graphs: patch embedding, stages of window blocks, global blocks, neck."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from pathlib import Path

import torch
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor, nn

from framework.models.architectures import Architecture
from framework.models.attention import positions
from framework.models.block import FoldedBlock, map_windows, on_windows

OPSET = 18
OUTPUT = "result"
LOGITS = 2**23
"""Of a global block, of one map, that are held at once."""


class Kind(Enum):
    """What a graph computes."""

    EMBED = "embed"
    """Normalised pixels [batch, 3, img_size, img_size] to token maps with their positions."""
    WINDOWS = "windows"
    """Consecutive window blocks on loose windows, as `FoldedBlock.on_windows`."""
    GLOBAL = "global"
    """One global block on token maps [batch, rows, columns, channels]."""
    NECK = "neck"
    """Token maps to image embeddings [batch, channels, rows, columns]."""


@dataclass(frozen=True)
class Part:
    """One graph of an encoder.

    Attributes:
        kind: what it computes.
        blocks: encoder blocks in it, in order.
    """

    kind: Kind
    blocks: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Kind, first and last block, e.g. ``windows-0-1``."""
        ends = sorted({self.blocks[0], self.blocks[-1]}) if self.blocks else []
        return "-".join([self.kind.value, *map(str, ends)])

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of its inputs."""
        if self.kind is Kind.WINDOWS:
            return "tokens", "source", "slots"
        return ("image",) if self.kind is Kind.EMBED else ("tokens",)


def encoder_parts(arch: Architecture) -> Iterator[Part]:
    """The graphs that make up an encoder, in stock order."""
    yield Part(Kind.EMBED)
    for is_global, blocks in groupby(range(arch.depth), lambda i: i in arch.global_blocks):
        if is_global:
            yield from (Part(Kind.GLOBAL, (index,)) for index in blocks)
        else:
            yield Part(Kind.WINDOWS, tuple(blocks))
    yield Part(Kind.NECK)


def module_of(part: Part, encoder: ImageEncoderViT) -> nn.Module:
    """What computes a part, in a form that can be exported; it shares the encoder's weights."""
    blocks = [encoder.blocks[index] for index in part.blocks]
    if part.kind is Kind.EMBED:
        return _Embed(encoder)
    if part.kind is Kind.NECK:
        return _Neck(encoder)
    return _Windows(blocks) if part.kind is Kind.WINDOWS else _Global(blocks[0])


def write_graph(part: Part, encoder: ImageEncoderViT, path: Path) -> None:
    """Export a part to ``path``, its weights to ``path`` + ``.data`` beside it.

    The number of maps, windows and tokens stays open.

    Args:
        encoder: float32, with folded attention.
    """
    examples, shapes = _examples(part, encoder)
    module = module_of(part, encoder).eval()
    with warnings.catch_warnings(), _silenced(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            examples,
            path,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            external_data=True,
            input_names=list(part.inputs),
            output_names=[OUTPUT],
            dynamic_shapes=shapes,
        )


def in_pieces(q: Tensor, k: Tensor, v: Tensor, table_h: Tensor, table_w: Tensor) -> Tensor:
    """As `framework.models.attention.in_chunks`, in operations that ONNX has."""
    rel_h, rel_w = positions(q, table_h, table_w)
    q, keys = q * q.shape[-1] ** -0.5, k.transpose(-1, -2)
    pieces = []
    size = max(1, LOGITS // (k.shape[1] * k.shape[2]))
    for start in range(0, q.shape[2], size):
        few = slice(start, start + size)
        bias = rel_h[:, :, few, :, None] + rel_w[:, :, few, None, :]
        pieces.append((q[:, :, few] @ keys + bias.flatten(3)).softmax(dim=-1) @ v)
    return torch.cat(pieces, dim=2)


class _Embed(nn.Module):
    def __init__(self, encoder: ImageEncoderViT) -> None:
        super().__init__()
        self.patch_embed = encoder.patch_embed
        self.pos_embed = encoder.pos_embed

    def forward(self, image: Tensor) -> Tensor:
        return self.patch_embed(image) + self.pos_embed


class _Windows(nn.Module):
    def __init__(self, blocks: Sequence[FoldedBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, tokens: Tensor, source: Tensor, slots: Tensor) -> Tensor:
        for block in self.blocks:
            tokens = on_windows(block, tokens, source, slots)
        return tokens


class _Global(nn.Module):
    def __init__(self, block: FoldedBlock) -> None:
        super().__init__()
        self.block = block

    def forward(self, tokens: Tensor) -> Tensor:
        block = self.block
        mixed = in_pieces(*block.attn.parts(block.attn.qkv(block.norm1(tokens))))
        tokens = tokens + block.attn.proj(mixed.transpose(1, 2).reshape(tokens.shape))
        return tokens + block.mlp(block.norm2(tokens))


class _Neck(nn.Module):
    def __init__(self, encoder: ImageEncoderViT) -> None:
        super().__init__()
        self.neck = encoder.neck

    def forward(self, tokens: Tensor) -> Tensor:
        return self.neck(tokens.permute(0, 3, 1, 2))


def _examples(
    part: Part, encoder: ImageEncoderViT
) -> tuple[tuple[Tensor, ...], tuple[dict[int, torch.export.Dim], ...]]:
    """Inputs to trace a part with, and which of their axes stay open."""
    _, rows, columns, channels = encoder.pos_embed.shape
    if part.kind is Kind.WINDOWS:
        side = encoder.blocks[part.blocks[0]].window_size
        source, slots = map_windows((1, rows, columns), side)
        tokens = torch.export.Dim("token_count", min=1)
        open_axes = ({0: tokens}, {0: torch.export.Dim("window_count", min=1)}, {0: tokens})
        return (torch.zeros(rows * columns, channels), source, slots), open_axes
    size = encoder.img_size
    embeds = part.kind is Kind.EMBED
    shape = (2, 3, size, size) if embeds else (2, rows, columns, channels)
    return (torch.zeros(shape),), ({0: torch.export.Dim("batch", min=1)},)


@contextmanager
def _silenced() -> Iterator[None]:
    """Without the exporter's log, which speaks of operators of packages that nobody asked for."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
