"""What a run starts from, and how fast it goes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import Parameter

from framework.errors import PedbenchError
from framework.models.block import fold_attention
from framework.models.build import PedSam, assemble
from framework.models.encoders.sam_vit import SamVit
from framework.models.named import architecture

WARMUP_STEPS = 200
LAST_LR_SHARE = 0.02
WEIGHT_DECAY = 0.05
TABLES = ("rel_pos", "pos_embed", "_embed.weight", "embeddings", "_token.weight", "_tokens.weight")
"""Parts of the names of position tables and learned tokens, which are not decayed."""


def initial_sam(model: str, size: int | None = None) -> PedSam:
    """``model`` with fresh weights: small normal ones in the encoder, as ViTs have.

    Raises:
        PedbenchError: it is of another package's encoder.
    """
    arch = architecture(model)
    sam = assemble(replace(arch, img_size=size or arch.img_size))
    if sam.encoder_class is not SamVit:
        raise PedbenchError(f"model '{model}' is trained by the package it comes from, not here")
    encoder = sam.image_encoder
    with torch.no_grad():
        for module in encoder.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        encoder.pos_embed.normal_(0.0, 0.02)
    fold_attention(encoder)
    return sam


def parameter_groups(sam: PedSam) -> list[dict[str, Any]]:
    """Parameters with and without weight decay (none for vectors, tables and embeddings)."""
    decayed: list[Parameter] = []
    free: list[Parameter] = []
    for name, parameter in sam.named_parameters():
        table = any(word in name for word in TABLES)
        (free if table or parameter.ndim < 2 else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": free, "weight_decay": 0}]


def schedule(step: int, steps: int) -> float:
    """Share of the highest learning rate: linear warm-up, then half a cosine."""
    warmup = min(WARMUP_STEPS, max(1, steps // 10))
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return LAST_LR_SHARE + (1 - LAST_LR_SHARE) * (1 + math.cos(math.pi * progress)) / 2
