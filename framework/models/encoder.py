"""What is needed of an image encoder to split it: one interface, whatever computes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from framework.errors import PedbenchError
from framework.models.architectures import Architecture
from framework.registry import Registry


class Encoder(ABC):
    """An image encoder of window and global attention, in the parts that shards and edge run.

    Another Vision Transformer is one subclass, registered under a name: `build_sam` builds its
    `models`, and `framework.models.interop.adopt` takes the first class that reads a model's
    ``image_encoder``.

    Args:
        module: the model's ``image_encoder``: it maps normalised images [batch, 3, side, side] to
            embeddings [batch, channels, rows, columns] and has the attribute ``img_size``.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    @classmethod
    def models(cls) -> Sequence[Architecture]:
        """Sizes of the models that `build` makes, each with its name."""
        return ()

    @classmethod
    def build(cls, arch: Architecture) -> nn.Module:
        """A new, untrained ``image_encoder`` of the sizes ``arch``, one of `models`."""
        raise NotImplementedError(f"{cls.__name__} has models and no build")

    @classmethod
    @abstractmethod
    def reads(cls, module: nn.Module) -> bool:
        """Whether this class knows the parts of ``module``."""

    @abstractmethod
    def architecture(self) -> Architecture:
        """Its sizes, and which of its blocks are global.

        Raises:
            PedbenchError: it cannot be split.
        """

    @property
    @abstractmethod
    def positions(self) -> Tensor:
        """The position embedding, [1, rows, columns, channels], of the encoder's type."""

    @abstractmethod
    def patches(self, image: Tensor) -> Tensor:
        """Normalised pixels [batch, 3, height, width] to tokens without positions.

        The result is [batch, rows, columns, channels]; sides are multiples of the patch.
        """

    @abstractmethod
    def windows(
        self, blocks: Sequence[int], tokens: Tensor, source: Tensor, slots: Tensor
    ) -> Tensor:
        """Run window ``blocks`` on loose windows, exactly as on whole maps.

        Args:
            tokens: valid tokens of all windows in any order, [tokens, channels].
            source: which token stands in each place of each window, [windows, side²]; the number
                of tokens where there is padding.
            slots: the place of each token in the flattened ``source``, [tokens].
        """

    @abstractmethod
    def maps(self, blocks: Sequence[int], tokens: Tensor) -> Tensor:
        """Run ``blocks`` of either kind on whole maps [batch, rows, columns, channels]."""

    @abstractmethod
    def neck(self, tokens: Tensor) -> Tensor:
        """Token maps to image embeddings, float32 [batch, channels, rows, columns]."""

    def embed(self, image: Tensor) -> Tensor:
        """Normalised pixels [batch, 3, img_size, img_size] to token maps with their positions."""
        return self.patches(image) + self.positions

    def patch_map(self) -> tuple[Tensor, Tensor]:
        """The patch embedding as a linear map, float64, read off `patches` unless overridden.

        Returns:
            Weight [channels, patch values] and bias [channels]: a token without its position is
            weight · patch + bias. Values of a patch go by row, column and colour.
        """
        side, device = self.architecture().patch_size, self.positions.device
        unit = torch.eye(3 * side * side, device=device, dtype=self.dtype)
        one_by_one = unit.view(-1, side, side, 3).permute(0, 3, 1, 2)
        black = torch.zeros_like(one_by_one[:1])
        with torch.inference_mode():
            tokens = self.patches(torch.cat([black, one_by_one])).flatten(1).double().cpu()
        return (tokens[1:] - tokens[0]).T, tokens[0]

    def weights_of(self, blocks: Sequence[int]) -> tuple[str, ...]:
        """How the names of those weights begin that `embed` and ``blocks`` need; "" is all."""
        return ("",)

    def fold(self) -> None:  # noqa: B027
        """Replace blocks by equal ones that need less memory, in place, where there are any."""

    def kinds(self, window_blocks: Sequence[int]) -> Mapping[str, int]:
        """One of the window blocks for each kind of block: the kind's name and the index."""
        return {f"block {index}": index for index in window_blocks}

    def prepare(self) -> None:  # noqa: B027
        """Do now what the first picture would have to wait for."""

    @property
    def dtype(self) -> torch.dtype:
        """Of tokens between blocks."""
        return self.positions.dtype


ENCODERS: Registry[type[Encoder]] = Registry(
    "encoder", "framework.models.encoders", "pedbench.encoders", Encoder
)


def cannot_split(module: object, why: str) -> PedbenchError:
    """The error for an ``image_encoder`` that cannot be split."""
    return PedbenchError(
        f"a SAM with the encoder {type(module).__name__} cannot be split ({why}): "
        "give a ViT with window and global attention, such as those of segment_anything"
    )
