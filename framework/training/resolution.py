"""The same SAM at another input size: only its tables of position change."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]


def fit_tables(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Weights:
    """``weights`` with every table of position interpolated to the shape it has in ``expected``.

    That is how SAM was made from a ViT of another input size (Li et al., ViTDet): the position
    embedding is resized as a picture, the relative-position tables as a line.
    """
    return {
        name: _fit(value, expected[name]) if name in expected else value
        for name, value in weights.items()
    }


def _fit(table: Tensor, like: Tensor) -> Tensor:
    if table.shape == like.shape or table.ndim != like.ndim:
        return table
    if table.ndim == 4 and table.shape[3] == like.shape[3]:  # [1, rows, columns, channels]
        picture = table.permute(0, 3, 1, 2)
        size = like.shape[1:3]
        return F.interpolate(picture, size, mode="bicubic").permute(0, 2, 3, 1).contiguous()
    if table.ndim == 2 and table.shape[1] == like.shape[1]:  # [offsets, channels]
        return F.interpolate(table.T[None], len(like), mode="linear")[0].T.contiguous()
    return table
