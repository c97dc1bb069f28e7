"""Image embeddings on disk: one photo's features, and the model that they belong to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.models.fingerprint import encoder_hash

KIND = "pedbench image embedding 1"


@dataclass(frozen=True)
class Embedding:
    """What a predictor needs to go on with a photo.

    Attributes:
        features: float32 [1, channels, rows, columns].
        original_size: height and width of the photo, pixels.
        input_size: height and width of the resized photo, pixels.
    """

    features: Tensor
    original_size: tuple[int, int]
    input_size: tuple[int, int]


def save(path: Path, embedding: Embedding, sam: PedSam) -> Path:
    """Write ``embedding`` as safetensors, replaced in one step.

    Raises:
        PedbenchError: the file cannot be written.
    """
    metadata = {
        "kind": KIND,
        "model": sam.arch.name,
        "encoder_sha256": encoder_hash(sam).hex(),
        "original_size": json.dumps(embedding.original_size),
        "input_size": json.dumps(embedding.input_size),
    }
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        features = embedding.features.detach().float().cpu().contiguous()
        save_file({"features": features}, part, metadata=metadata)
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        raise PedbenchError(f"embedding {path} cannot be written ({error})") from error
    return path


def load(path: Path, sam: PedSam) -> Embedding:
    """Read what `save` wrote.

    Raises:
        PedbenchError: the file is missing, damaged, no embedding, or another model's.
    """
    if not path.is_file():
        raise PedbenchError(f"embedding {path} does not exist: give a file of save_embedding")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            features = file.get_tensor("features") if "features" in set(file.keys()) else None
    except (OSError, SafetensorError) as error:
        raise PedbenchError(
            f"embedding {path} is damaged ({error}): save it again from the photo"
        ) from error
    if features is None or metadata.get("kind") != KIND:
        raise PedbenchError(f"{path} is no embedding of pedbench: give a file of save_embedding")
    if metadata["encoder_sha256"] != encoder_hash(sam).hex():
        raise PedbenchError(
            f"embedding {path} belongs to another model ({metadata['model']}, "
            f"{metadata['encoder_sha256'][:12]}): load it with that checkpoint"
        )
    arch = sam.arch
    expected = (1, arch.prompt_width, arch.grid_size, arch.grid_size)
    if tuple(features.shape) != expected or not torch.isfinite(features).all():
        raise PedbenchError(
            f"embedding {path} has shape {tuple(features.shape)} or values that are not finite; "
            f"{expected} is right: save it again from the photo"
        )
    height, width = json.loads(metadata["original_size"])
    rows, columns = json.loads(metadata["input_size"])
    return Embedding(features, (height, width), (rows, columns))
