"""`build_sam`: a SAM by name, with its weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor

from framework.errors import PedbenchError, unknown_name
from framework.models.architectures import Architecture
from framework.models.checkpoint import Weights, locate_weights, read_state_dict
from framework.models.compile import compile_blocks
from framework.models.encoder import Encoder
from framework.models.encoders.sam_vit import SamVit
from framework.models.named import architecture, encoder_of
from framework.models.onnx.files import need_packages
from framework.models.onnx.runtime import OnnxRuntime
from framework.models.quantise import quantise_linears

RANDOM = "random"
PRECISIONS = ("float32", "float16", "bfloat16", "int8")
RUNTIMES = ("torch", "onnx")
PIXEL_MEAN = [123.675, 116.28, 103.53]
PIXEL_STD = [58.395, 57.12, 57.375]


class PedSam(Sam):
    """`segment_anything`'s ``Sam`` that knows its architecture and where its weights came from."""

    arch: Architecture
    weights: Weights
    pixel_mean: Tensor
    pixel_std: Tensor
    precision: str = "float32"
    """Of the encoder, one of `PRECISIONS`."""
    encoder_class: type[Encoder] = SamVit
    """What knows the parts of ``image_encoder``."""
    other_runtime: Encoder | None = None
    """What computes the encoder's blocks in PyTorch's place, if anything does."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PedSam:
        """Only the encoder leaves float32, whatever ``half()`` and ``to(dtype)`` are called on."""
        super()._apply(fn, recurse)
        for part in (self.prompt_encoder, self.mask_decoder):
            part.float()
        self.pixel_mean, self.pixel_std = self.pixel_mean.float(), self.pixel_std.float()
        return self

    @property
    def runtime(self) -> Encoder:
        """What computes the encoder's blocks, for shards and edge alike."""
        return self.other_runtime or self.encoder_class(self.image_encoder)


def build_sam(
    name: str = "tiny",
    checkpoint: str | Path | None = None,
    *,
    attention: Literal["folded", "stock"] = "folded",
    precision: str = "float32",
    compile: bool = False,
    runtime: str = "torch",
    seed: int = 0,
) -> PedSam:
    """Build a SAM in evaluation mode.

    Args:
        name: ``tiny``, ``tiny_globals_last``, ``vit_b``, ``vit_l``, ``vit_h``, or a model of
            another encoder in `ENCODERS`.
        checkpoint: a file (official ``.pth`` or ``.safetensors``); ``None`` for the project's own
            or the official weights, downloaded once into the cache; ``"random"`` for seeded random
            weights, which serve for timing only.
        attention: ``folded`` (memory-linear, equal up to rounding) or ``stock``.
        precision: of the encoder: ``float32``, ``float16``, ``bfloat16``, or ``int8`` for its
            linear layers (on a CPU). The image embedding is float32 in any case.
        compile: run its blocks through ``torch.compile``; slow at first, exact up to rounding.
        runtime: what computes the encoder: ``torch``, or ``onnx`` for ONNX Runtime on a CPU, in
            float32. `DistributedEncoder` and shards use it, ``sam.image_encoder`` does not.
        seed: of the random weights.

    Raises:
        PedbenchError: unknown name, precision or runtime; settings that do not go together;
            missing, damaged or foreign checkpoint; a package is missing.
    """
    _check(attention, precision, compile, runtime)
    arch = architecture(name)
    sam = assemble(arch)
    if sam.encoder_class is not SamVit and (precision == "int8" or compile or runtime == "onnx"):
        raise PedbenchError(
            f"model '{name}' runs as its encoder '{sam.encoder_class.name}' computes it, neither "
            "compiled nor in ONNX nor int8: leave --compile, --runtime and --precision out"
        )
    if str(checkpoint) == RANDOM:
        randomize(sam, seed)
        sam.weights = Weights(RANDOM, f"random-seed{seed}", None)
    else:
        sam.weights = locate_weights(arch, checkpoint)
        sam.load_state_dict(read_state_dict(sam.weights, arch, sam.state_dict()))
    if attention == "folded":
        sam.runtime.fold()
    sam.eval().requires_grad_(False)
    sam.precision = precision
    if precision == "int8":
        quantise_linears(sam.image_encoder)
    else:
        sam.image_encoder.to(getattr(torch, precision))
    if compile:
        compile_blocks(sam.image_encoder)
    if runtime == "onnx":
        sam.other_runtime = OnnxRuntime(sam.image_encoder, arch)
    return sam


def _check(attention: str, precision: str, compile: bool, runtime: str) -> None:
    """Refuse settings that are unknown or do not go together, before anything is built."""
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if attention not in ("folded", "stock"):
        raise PedbenchError(f"unknown attention '{attention}': known are folded, stock")
    if runtime not in RUNTIMES:
        raise unknown_name("runtime", runtime, RUNTIMES)
    if runtime == "onnx":
        if precision != "float32" or compile or attention != "folded":
            raise PedbenchError(
                "runtime 'onnx' computes in float32, not compiled, with folded attention: "
                "leave --precision and --compile out, or take runtime 'torch'"
            )
        need_packages()


def assemble(arch: Architecture) -> PedSam:
    """The untrained modules of ``arch``, its encoder as the class in `ENCODERS` builds it."""
    encoder_class = encoder_of(arch)
    encoder: Any = encoder_class.build(arch)
    grid = (arch.grid_size, arch.grid_size)
    prompt_encoder = PromptEncoder(
        embed_dim=arch.prompt_width,
        image_embedding_size=grid,
        input_image_size=(arch.img_size, arch.img_size),
        mask_in_chans=16,
    )
    decoder = MaskDecoder(
        transformer_dim=arch.prompt_width,
        transformer=TwoWayTransformer(
            depth=2, embedding_dim=arch.prompt_width, num_heads=8, mlp_dim=arch.decoder_mlp
        ),
        iou_head_hidden_dim=arch.prompt_width,
    )
    sam = PedSam(encoder, prompt_encoder, decoder, PIXEL_MEAN, PIXEL_STD)
    sam.arch, sam.encoder_class = arch, encoder_class
    return sam


def randomize(sam: Sam, seed: int) -> None:
    """Seeded weights of ordinary size everywhere.

    Relative-position tables and position embedding too, which stock initialisation leaves at zero:
    zeros there would hide errors of the window arithmetic.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in sam.state_dict().items():
            if "rel_pos" in name:
                tensor.normal_(0.0, 0.1, generator=generator)
            elif "gaussian_matrix" in name:
                tensor.normal_(0.0, 1.0, generator=generator)
            elif tensor.ndim > 1 or name.endswith("bias"):
                tensor.normal_(0.0, 0.02, generator=generator)
