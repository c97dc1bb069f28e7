"""Any `segment_anything` SAM as it is: its architecture is read off its modules."""

from __future__ import annotations

import copy
import hashlib
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from segment_anything.modeling import MaskDecoder, Sam
from torch import Tensor, nn

from framework.compute.finite import check_finite
from framework.errors import PedbenchError
from framework.models.architectures import ARCHITECTURES, Architecture
from framework.models.block import map_windows
from framework.models.build import PedSam
from framework.models.checkpoint import Weights
from framework.models.encoder import ENCODERS, Encoder, cannot_split
from framework.models.encoders.sam_vit import SamVit

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
    decoders = (_in_float32(part) for part in (sam.prompt_encoder, sam.mask_decoder))
    adopted = PedSam(_twin(sam.image_encoder), *decoders)
    adopted.pixel_mean, adopted.pixel_std = sam.pixel_mean.float(), sam.pixel_std.float()
    adopted.mask_threshold = getattr(sam, "mask_threshold", Sam.mask_threshold)
    adopted.arch, adopted.encoder_class = arch, encoder_class(sam.image_encoder)
    adopted.precision = str(adopted.runtime.dtype).removeprefix("torch.")
    adopted.weights = Weights("adopted", _fingerprint(adopted), None)
    adopted.eval()
    _probe(adopted)
    adopted.runtime.fold()
    return adopted


def encoder_class(module: nn.Module) -> type[Encoder]:
    """What knows the parts of an ``image_encoder``: an installed class, else `SamVit`."""
    others = (part for _, part in ENCODERS.items() if part is not SamVit)
    return next((part for part in others if part.reads(module)), SamVit)


def read_architecture(sam: Sam) -> Architecture:
    """The numbers of ``sam``, named after the known architecture that has the same ones.

    Raises:
        PedbenchError: the encoder is not a ViT with window and global attention.
    """
    encoder: Any = getattr(sam, "image_encoder", None)
    arch = encoder_class(encoder)(encoder).architecture()
    arch = replace(arch, decoder_mlp=_decoder_mlp(sam.mask_decoder))
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
    """Run each kind of window block whole and split on seeded noise; they must agree."""
    encoder, side = sam.runtime, sam.arch.window_size
    rows = side + 1
    noise = torch.randn(1, rows, rows, sam.arch.width, generator=torch.Generator())
    tokens = noise.to(encoder.positions)
    source, slots = map_windows((1, rows, rows), side, tokens.device)
    for kind, index in encoder.kinds(sam.arch.window_blocks).items():
        try:
            whole = encoder.maps([index], tokens)
            split = encoder.windows([index], tokens.flatten(0, 2), source, slots)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise cannot_split(encoder.module, f"its {kind} cannot be run: {error}") from error
        check_finite(whole, f"the result of its {kind}", sam)
        _agree(encoder, kind, whole, split.view(whole.shape))


def _agree(encoder: Encoder, kind: str, whole: Tensor, split: Tensor) -> None:
    exact = 1.0 if whole.dtype == torch.float32 else 50.0
    difference = (whole - split).abs().max().item() / max(whole.abs().max().item(), 1e-6)
    if not difference <= exact * PROBE_TOLERANCE:
        raise cannot_split(
            encoder.module,
            f"its {kind} gives other values on single windows than on the whole "
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
