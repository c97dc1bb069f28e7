"""Linear layers in int8: weights rounded once, activations token by token as they come."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LIMIT = 127
TINY = torch.finfo(torch.float32).tiny


class Int8Linear(nn.Module):
    """An ``nn.Linear`` for inference: one scale for each output channel and each token.

    A token's scale depends on that token alone, so results do not depend on which others are in
    the batch: sharing windows out changes nothing beyond rounding.

    Args:
        linear: what it replaces; float32 on a CPU.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        scale = weight.abs().amax(dim=1).clamp_min(TINY) / LIMIT
        bias = weight.new_zeros(len(weight)) if linear.bias is None else linear.bias.detach()
        self.register_buffer("weight", (weight / scale[:, None]).round().to(torch.int8).t())
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias.float().clone())

    def forward(self, x: Tensor) -> Tensor:
        """[…, channels] to […, outputs], float32."""
        tokens = x.flatten(0, -2).float()
        step = tokens.abs().amax(dim=-1, keepdim=True).clamp_min_(TINY) / LIMIT
        rounded = (tokens / step).round_().to(torch.int8)
        product = torch._int_mm(rounded, self.weight).float()
        product.mul_(step).mul_(self.scale).add_(self.bias)
        return product.view(*x.shape[:-1], -1)


def quantise_linears(encoder: nn.Module) -> None:
    """Replace every linear layer of an encoder, in place; patch embedding and neck stay."""
    for module in encoder.modules():
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, Int8Linear(child))
