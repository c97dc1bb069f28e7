"""Any `segment_anything` SAM as it is: its architecture is read off its modules."""

from __future__ import annotations

import copy
import hashlib
import inspect
from typing import Any

import numpy as np
import torch
from segment_anything.modeling import MaskDecoder, Sam
from segment_anything.modeling.image_encoder import Attention, Block
from torch import Tensor, nn

from framework.errors import PedbenchError
from framework.finite import check_finite
from framework.models.architectures import ARCHITECTURES, Architecture
from framework.models.block import fold_attention, map_windows, on_windows
from framework.models.build import PedSam
from framework.models.checkpoint import Weights

NEEDED = ("img_size", "patch_embed", "pos_embed", "blocks", "neck")
PROBE_TOLERANCE = 1e-3
"""Largest difference, relative to the largest value, between a block and its split form."""


def adopt(sam: Sam) -> PedSam:
    """A SAM from anywhere as one that can be split; ``sam`` itself stays unchanged.

    The result shares the parameters of ``sam``, so it costs no memory; only a decoder in half
    precision is copied to float32. It stays where ``sam`` is:
    move ``sam`` to a device first. A `PedSam` is returned as it is.

    Args:
        sam: from ``sam_model_registry``, with official or fine-tuned weights, or with the encoder
            of a SAM of the same structure.

    Raises:
        PedbenchError: its encoder has no windows to split, or a block that computes otherwise.
    """
    if isinstance(sam, PedSam):
        return sam
    arch = read_architecture(sam)
    encoder = _twin(sam.image_encoder)
    decoders = (_in_float32(part) for part in (sam.prompt_encoder, sam.mask_decoder))
    adopted = PedSam(encoder, *decoders)
    adopted.pixel_mean, adopted.pixel_std = sam.pixel_mean.float(), sam.pixel_std.float()
    adopted.mask_threshold = getattr(sam, "mask_threshold", Sam.mask_threshold)
    adopted.arch = arch
    adopted.precision = str(encoder.pos_embed.dtype).removeprefix("torch.")
    adopted.weights = Weights("adopted", _fingerprint(adopted), None)
    adopted.eval()
    _probe(adopted)
    if all(type(block) is Block and type(block.attn) is Attention for block in encoder.blocks):
        fold_attention(encoder)
    return adopted


def read_architecture(sam: Sam) -> Architecture:
    """The numbers of ``sam``, named after the known architecture that has the same ones.

    Raises:
        PedbenchError: the encoder is not a ViT with window and global attention.
    """
    encoder: Any = getattr(sam, "image_encoder", None)
    missing = [name for name in NEEDED if getattr(encoder, name, None) is None]
    if missing:
        raise _cannot(encoder, f"it has no '{missing[0]}'")
    sizes = [_window_size(encoder, block) for block in encoder.blocks]
    windows = sorted({size for size in sizes if size})
    if len(windows) != 1:
        raise _cannot(encoder, f"its blocks have windows of sizes {windows}, not of one")
    if all(sizes):
        raise _cannot(encoder, "none of its blocks attends globally")
    arch = Architecture(
        name="adopted",
        img_size=int(encoder.img_size),
        patch_size=int(encoder.patch_embed.proj.kernel_size[0]),
        window_size=windows[0],
        width=int(encoder.pos_embed.shape[-1]),
        depth=len(sizes),
        heads=int(encoder.blocks[0].attn.num_heads),
        global_blocks=tuple(i for i, size in enumerate(sizes) if not size),
        prompt_width=int(encoder.neck[0].out_channels),
        decoder_mlp=_decoder_mlp(sam.mask_decoder),
    )
    return next((known for known in ARCHITECTURES.values() if _same(known, arch)), arch)


def check_decoder(sam: Sam) -> None:
    """Refuse a mask decoder that asks for more than an image embedding and prompts.

    Raises:
        PedbenchError: as SAM-HQ's decoder does; `DistributedEncoder` still serves its encoder.
    """
    known = inspect.signature(MaskDecoder.forward).parameters
    asked = inspect.signature(type(sam.mask_decoder).forward).parameters.values()
    needed = (p for p in asked if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD)
    more = [p.name for p in needed if p.name not in known]
    if more:
        raise PedbenchError(
            f"the mask decoder {type(sam.mask_decoder).__name__} also needs '{more[0]}': "
            "take DistributedEncoder(sam, …) for the embedding, and decode with your own code"
        )


def _window_size(encoder: nn.Module, block: nn.Module) -> int:
    for part in ("norm1", "attn", "norm2", "mlp", "window_size"):
        if not hasattr(block, part):
            raise _cannot(encoder, f"its {type(block).__name__} has no '{part}'")
    return int(block.window_size)  # type: ignore[arg-type]


def _decoder_mlp(decoder: nn.Module) -> int:
    """Hidden width of the two-way transformer; 0 for a decoder of another structure."""
    try:
        return int(decoder.transformer.layers[0].mlp.lin1.out_features)  # type: ignore[union-attr, index]
    except (AttributeError, IndexError, TypeError):
        return 0


def _same(known: Architecture, arch: Architecture) -> bool:
    numbers = {**vars(known), "name": arch.name}
    return numbers == vars(arch)


def _in_float32(part: nn.Module) -> Any:
    """The part itself where it is float32, else a copy that is."""
    exact = all(p.dtype == torch.float32 for p in part.parameters())
    return part if exact else copy.deepcopy(part).float()


def _twin(encoder: nn.Module) -> Any:
    """A copy of the modules that shares every tensor with ``encoder``."""
    tensors = [*encoder.parameters(), *encoder.buffers()]
    return copy.deepcopy(encoder, {id(tensor): tensor for tensor in tensors})


@torch.inference_mode()
def _probe(sam: PedSam) -> None:
    """Run each kind of block whole and split on seeded noise; they must agree."""
    encoder = sam.image_encoder
    side = sam.arch.window_size
    kinds = {type(b): b for b in encoder.blocks if b.window_size}
    for block in kinds.values():
        rows = side + 1
        noise = torch.randn(1, rows, rows, sam.arch.width, generator=torch.Generator())
        tokens = noise.to(encoder.pos_embed)
        source, slots = (places.to(tokens.device) for places in map_windows((1, rows, rows), side))
        try:
            whole = block(tokens)
            split = on_windows(block, tokens.flatten(0, 2), source, slots).view(tokens.shape)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise _cannot(encoder, f"its {type(block).__name__} cannot be run: {error}") from error
        check_finite(whole, f"the result of its {type(block).__name__}", sam)
        _agree(encoder, block, whole, split)


def _agree(encoder: nn.Module, block: nn.Module, whole: Tensor, split: Tensor) -> None:
    exact = 1.0 if whole.dtype == torch.float32 else 50.0
    difference = (whole - split).abs().max().item() / max(whole.abs().max().item(), 1e-6)
    if not difference <= exact * PROBE_TOLERANCE:
        raise _cannot(
            encoder,
            f"its {type(block).__name__} gives other values on single windows than on the whole "
            f"image (relative difference {difference:.1g})",
        )


def _fingerprint(sam: PedSam) -> str:
    """SHA-256 over the names, shapes and bytes of all tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(sam.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(np.asarray(values).data)
    return digest.hexdigest()


def _cannot(encoder: object, why: str) -> PedbenchError:
    return PedbenchError(
        f"a SAM with the encoder {type(encoder).__name__} cannot be split ({why}): "
        "give a ViT with window and global attention, such as those of segment_anything"
    )
