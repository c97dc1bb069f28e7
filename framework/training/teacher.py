"""Distilling a pretrained convolutional trunk into the encoder's tokens, as an auxiliary loss."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from framework.errors import PedbenchError
from framework.models.build import PedSam

WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
STAGES = (3, 4)
"""Stages whose features are taught: strides 8 and 16."""


class Vgg16(nn.Module):
    """The convolutions of VGG16 (Simonyan and Zisserman, 2015).

    Args:
        weights: ``conv{0..12}.{weight,bias}``.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        channels = [3, *(width for stage in WIDTHS for width in stage)]
        for i, (before, after) in enumerate(itertools.pairwise(channels)):
            self.add_module(f"conv{i}", nn.Conv2d(before, after, 3, padding=1))
        self.load_state_dict(dict(weights))
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features of `STAGES` for normalised images [batch, 3, height, width]."""
        x, features, layer = image.contiguous(memory_format=torch.channels_last), [], 0
        for stage, widths in enumerate(WIDTHS):
            if stage:
                x = F.max_pool2d(x, 2)
            for _ in widths:
                x = F.relu(self.get_submodule(f"conv{layer}")(x))
                layer += 1
            if stage in STAGES:
                features.append(x)
        return features


class Teacher(nn.Module):
    """The loss that asks the last block's tokens for the features of a trained trunk.

    Args:
        trunk: gives features of images.
        sam: the student.
    """

    def __init__(self, trunk: Vgg16, sam: PedSam) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleList(nn.Linear(sam.arch.width, WIDTHS[stage][-1]) for stage in STAGES)
        self.tokens: Tensor | None = None
        sam.image_encoder.blocks[-1].register_forward_hook(self._keep)

    def loss(self, images: Tensor, share: float = 1.0) -> Tensor:
        """Mean cosine distance to the trunk's features, after the student saw ``images``.

        Args:
            images: normalised, zero beyond the frame, [batch, 3, size, size].
            share: of the batch that is compared, its first images.
        """
        images = images[: max(1, round(share * len(images)))]
        assert self.tokens is not None, "run the image encoder first"
        tokens, self.tokens = self.tokens[: len(images)], None
        size = (tokens.shape[1], tokens.shape[2])
        shown = F.adaptive_avg_pool2d((images != 0).any(dim=1, keepdim=True).float(), size)[:, 0]
        with torch.no_grad():
            features = self.trunk(images)
        distances = []
        for head, feature in zip(self.heads, features, strict=True):
            target = F.interpolate(feature.float(), size, mode="bilinear")
            similar = F.cosine_similarity(head(tokens).float(), target.permute(0, 2, 3, 1), dim=3)
            distances.append(((1 - similar) * shown).sum() / shown.sum())
        return torch.stack(distances).mean()

    def _keep(self, module: nn.Module, inputs: object, tokens: Tensor) -> None:
        self.tokens = tokens


def load_teacher(path: Path, sam: PedSam) -> Teacher:
    """A teacher with the VGG16 convolutions of a ``.safetensors`` file.

    Raises:
        PedbenchError: the file is missing or holds something else.
    """
    if not path.is_file():
        raise PedbenchError(f"no teacher at {path}: give VGG16's convolutions as .safetensors")
    try:
        return Teacher(Vgg16(load_file(path)), sam)
    except RuntimeError as error:
        raise PedbenchError(f"{path} does not hold VGG16's convolutions: give another") from error
