"""SAM's training objective: focal and dice loss of masks, squared error of predicted IoU.

After Kirillov et al., "Segment Anything" (2023), appendix A.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from segment_anything.modeling import Sam
from torch import Tensor

from framework.training.prompts import correct, embed, first_prompts

FOCAL_WEIGHT = 20.0
FOCAL_ALPHA = (0.5, 0.25, 0.25, 0.25)
"""Weight of the object's pixels in the focal loss, for the single mask and each of the three.

SAM's code is not public on this; with the usual 0.25 the single mask of a box came out too small:
held-out IoU was 0.03 to 0.04 higher with the threshold at a logit of -0.5, and for the point's
masks highest at 0.
"""
FOCAL_GAMMA = 2.0
MINOR_WEIGHT = 0.3
"""Weight of the mask tokens that a prompt of this kind does not use when predicting."""

Losses = dict[str, Tensor]


def scene_losses(
    sam: Sam,
    embedding: Tensor,
    masks: Tensor,
    generator: torch.Generator,
    rounds: int,
) -> Losses:
    """Losses of one scene, half of its masks prompted by a box and half by a point.

    Args:
        embedding: of the image, [1, channels, rows, columns].
        masks: the truth, bool [n, height, width] at the resolution of the mask logits.
        rounds: of correction clicks after the first prompt.

    Returns:
        ``box``, ``point`` and ``click`` (mask losses of the first round and of the corrections)
        and ``iou``: means over masks.
    """
    scale = sam.image_encoder.img_size / masks.shape[-1]
    count = (len(masks) + 1) // 2
    prompts = first_prompts(masks, count, scale, generator)
    logits, predicted = decode(sam, embedding, *embed(sam, prompts, None))
    loss, quality = mask_losses(logits, masks)
    best = loss[:, 1:].argmin(dim=1) + 1
    several = loss.gather(1, best[:, None])[:, 0]
    losses = {
        "box": (loss[:count, 0] + MINOR_WEIGHT * several[:count]).mean(),
        "point": (several[count:] + MINOR_WEIGHT * loss[count:, 0]).sum()
        / max(1, len(masks) - count),
        "iou": F.mse_loss(predicted, quality),
    }
    chosen = torch.where(torch.arange(len(masks), device=masks.device) < count, 0, best)
    clicks = []
    for _ in range(rounds):
        before = logits.gather(1, chosen[:, None, None, None].expand(-1, 1, *masks.shape[1:]))
        before = before.detach()
        prompts = correct(prompts, before[:, 0] > 0, masks, scale, generator)
        logits, predicted = decode(sam, embedding, *embed(sam, prompts, before))
        loss, quality = mask_losses(logits[:, :1], masks)
        clicks.append(loss.mean())
        losses["iou"] = losses["iou"] + F.mse_loss(predicted[:, :1], quality)
        chosen = torch.zeros_like(chosen)
    if clicks:
        losses["click"] = torch.stack(clicks).mean()
    return losses


def decode(sam: Sam, embedding: Tensor, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
    """All four masks of each prompt: float32 logits [n, 4, height, width], their IoU [n, 4]."""
    logits, iou = sam.mask_decoder.predict_masks(
        image_embeddings=embedding,
        image_pe=sam.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
    )
    return logits.float(), iou.float()


def mask_losses(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted focal plus dice loss, and true IoU, of ``logits`` [n, k, h, w]: both [n, k]."""
    truth = masks.float().flatten(1)[:, None]
    flat = logits.flatten(2)
    probability = flat.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(flat, truth.expand_as(flat), reduction="none")
    miss = probability + truth - 2 * probability * truth
    weight = flat.new_tensor(FOCAL_ALPHA)[: flat.shape[1], None]
    alpha = weight * truth + (1 - weight) * (1 - truth)
    focal = (alpha * miss**FOCAL_GAMMA * entropy).mean(dim=2)
    overlap = (probability * truth).sum(dim=2)
    total = probability.sum(dim=2) + truth.sum(dim=2)
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return FOCAL_WEIGHT * focal + dice, _iou(flat.detach() > 0, truth > 0)


@torch.no_grad()
def _iou(predicted: Tensor, truth: Tensor) -> Tensor:
    overlap = (predicted & truth).sum(dim=2)
    return overlap / (predicted | truth).sum(dim=2).clamp(min=1)
