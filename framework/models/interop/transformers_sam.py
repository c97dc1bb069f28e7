"""SAMs of Hugging Face `transformers`: their weights under `segment_anything`'s names.

The extra ``pedbench[transformers]`` brings the library. Only ``SamModel`` is taken over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling import Sam
from torch import Tensor

from framework.errors import PedbenchError, one_line
from framework.models.architectures import Architecture
from framework.models.build import PIXEL_MEAN, PIXEL_STD, PedSam, assemble
from framework.models.interop.adopt import adopt

if TYPE_CHECKING:
    from framework.split.edge import DistributedEncoder

PROMPT_POSITION = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
MLP = r"^(mask_decoder\.output_hypernetworks_mlps\.\d+\.|mask_decoder\.iou_prediction_head\.)"
RENAMED = (
    (r"^shared_image_embedding\.positional_embedding$", PROMPT_POSITION),
    (r"^prompt_encoder\.shared_embedding\.positional_embedding$", PROMPT_POSITION),
    (r"^vision_encoder\.patch_embed\.projection", "image_encoder.patch_embed.proj"),
    (r"^vision_encoder\.neck\.conv1", "image_encoder.neck.0"),
    (r"^vision_encoder\.neck\.layer_norm1", "image_encoder.neck.1"),
    (r"^vision_encoder\.neck\.conv2", "image_encoder.neck.2"),
    (r"^vision_encoder\.neck\.layer_norm2", "image_encoder.neck.3"),
    (r"^vision_encoder\.layers\.(\d+)\.layer_norm(\d)", r"image_encoder.blocks.\1.norm\2"),
    (r"^vision_encoder\.layers\.", "image_encoder.blocks."),
    (r"^vision_encoder\.", "image_encoder."),
    (r"^prompt_encoder\.mask_embed\.conv1", "prompt_encoder.mask_downscaling.0"),
    (r"^prompt_encoder\.mask_embed\.layer_norm1", "prompt_encoder.mask_downscaling.1"),
    (r"^prompt_encoder\.mask_embed\.conv2", "prompt_encoder.mask_downscaling.3"),
    (r"^prompt_encoder\.mask_embed\.layer_norm2", "prompt_encoder.mask_downscaling.4"),
    (r"^prompt_encoder\.mask_embed\.conv3", "prompt_encoder.mask_downscaling.6"),
    (r"^prompt_encoder\.point_embed\.", "prompt_encoder.point_embeddings."),
    (r"^mask_decoder\.upscale_conv1", "mask_decoder.output_upscaling.0"),
    (r"^mask_decoder\.upscale_layer_norm", "mask_decoder.output_upscaling.1"),
    (r"^mask_decoder\.upscale_conv2", "mask_decoder.output_upscaling.3"),
    (r"^(mask_decoder\.transformer\.)layer_norm_final_attn", r"\1norm_final_attn"),
    (r"^(mask_decoder\.transformer\.layers\.\d+\.)layer_norm(\d)", r"\1norm\2"),
    (MLP + r"proj_in", r"\1layers.0"),
    (MLP + r"layers\.0", r"\1layers.1"),
    (MLP + r"proj_out", r"\1layers.2"),
)
"""Patterns of `transformers`' names and what stands for them; the first that fits is taken."""


def from_transformers(source: Any) -> PedSam:
    """A ``SamModel``, or a folder of its ``save_pretrained``, as a SAM that can be split.

    Args:
        source: the model, or a path to a local checkpoint folder; hubs are not asked.

    Raises:
        PedbenchError: the library or the folder is missing, or it is no SAM of that kind.
    """
    model = _load(Path(source)) if isinstance(source, (str, Path)) else source
    if type(model).__name__ != "SamModel":
        raise PedbenchError(
            f"{type(model).__name__} is not transformers' SamModel: give a SamModel or its folder"
        )
    sam = assemble(_architecture(model.config))
    found = {_renamed(name): tensor for name, tensor in model.state_dict().items()}
    try:
        sam.load_state_dict(found)
    except RuntimeError as error:
        raise PedbenchError(
            f"the SamModel's weights do not fit segment_anything's modules ({one_line(error)})"
        ) from error
    stock = Sam(sam.image_encoder, sam.prompt_encoder, sam.mask_decoder, PIXEL_MEAN, PIXEL_STD)
    return adopt(stock.to(model.device, model.dtype).eval().requires_grad_(False))


def image_embeddings(encoder: DistributedEncoder, inputs: Mapping[str, Tensor]) -> Tensor:
    """What ``SamProcessor`` prepared, encoded over shards.

    Pass the result as ``image_embeddings`` to ``SamModel``, and its masks to the processor's
    ``post_process_masks``, as ever.

    Args:
        inputs: ``pixel_values`` [batch, 3, side, side], normalised as SAM's, and
            ``reshaped_input_sizes`` [batch, 2], height and width without padding.

    Returns:
        float32 [batch, channels, rows, columns].

    Raises:
        PedbenchError: a picture is not of the model's input size.
    """
    sam = encoder.sam
    mean, std = sam.pixel_mean.cpu(), sam.pixel_std.cpu()
    found = []
    for values, size in zip(inputs["pixel_values"], inputs["reshaped_input_sizes"], strict=True):
        height, width = (int(side) for side in size)
        pixels = (values.cpu().float() * std + mean)[:, :height, :width]
        frame = pixels.round().clamp(0, 255).permute(1, 2, 0).numpy().astype(np.uint8)
        found.append(encoder(np.ascontiguousarray(frame)).clone())
    return torch.cat(found)


def _load(folder: Path) -> Any:
    try:
        from transformers import SamModel  # takes 7 s to load, and few need it
    except ImportError as error:
        raise PedbenchError(
            "SamModel needs the package transformers: pip install 'pedbench[transformers]'"
        ) from error
    if not (folder / "config.json").is_file():
        raise PedbenchError(f"{folder} holds no config.json: give a folder of save_pretrained")
    try:
        return SamModel.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise PedbenchError(f"{folder} cannot be read as a SamModel ({one_line(error)})") from error


def _renamed(name: str) -> str:
    for pattern, replacement in RENAMED:
        new, count = re.subn(pattern, replacement, name)
        if count:
            return new
    return name


def _architecture(config: Any) -> Architecture:
    vision, decoder = config.vision_config, config.mask_decoder_config
    return Architecture(
        name="transformers",
        img_size=vision.image_size,
        patch_size=vision.patch_size,
        window_size=vision.window_size,
        width=vision.hidden_size,
        depth=vision.num_hidden_layers,
        heads=vision.num_attention_heads,
        global_blocks=tuple(vision.global_attn_indexes),
        prompt_width=vision.output_channels,
        decoder_mlp=decoder.mlp_dim,
    )
