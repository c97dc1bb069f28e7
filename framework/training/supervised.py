"""Training a SAM from photos with masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import Parameter

from framework.errors import PedbenchError
from framework.training.objective import Losses, scene_losses
from framework.training.optimisation.checkpoint import Average, load_state, load_weights
from framework.training.optimisation.regularise import drop_branches
from framework.training.optimisation.start_and_rate import initial_sam, parameter_groups
from framework.training.scenes.batches import Batch
from framework.training.scenes.types import Photo
from framework.training.teacher import load_teacher
from framework.training.trainer import Trainer

TAUGHT_SHARE = 0.5
"""Share of a batch that the teacher sees: its features cost more than the student."""


def train(
    model: str,
    photos: Sequence[Photo],
    out: Path,
    *,
    steps: int,
    batch: int = 8,
    prompts: int = 12,
    rounds: int = 1,
    lr: float = 1e-3,
    seed: int = 0,
    device: str = "cpu",
    resume: bool = True,
    init: Path | None = None,
    size: int | None = None,
    teacher: Path | None = None,
    drop: float = 0.0,
    log_every: int = 20,
    save_every: int = 200,
) -> Path:
    """Train ``model`` on ``photos``.

    Args:
        model: an architecture's name.
        out: folder of the state (``state.pt``) and the log (``log.jsonl``).
        steps: length of the learning-rate schedule, steps.
        batch: photos a step.
        prompts: at most this many masks a photo, half by box and half by point.
        rounds: of correction clicks, at most; each step draws how many.
        lr: highest learning rate.
        device: ``cpu`` or ``cuda``; matrix products are in bfloat16 where
            the machine has units for it.
        resume: go on from ``out`` if it holds a state.
        init: weights to start from, a state or a ``.safetensors`` file, of any input size.
        size: input size in training, pixels; the architecture's own unless given. Small inputs
            cost a tenth, and their weights are a good start for the full size.
        teacher: VGG16's convolutions (``.safetensors``), whose features are an auxiliary target.
        drop: chance that a branch of the encoder's last block is left out for an image; less in
            the blocks before it.

    Returns:
        The state's path, for `export`.

    Raises:
        PedbenchError: no photo has a mask, or a file to start from does not fit.
    """
    if not any(len(photo.masks) for photo in photos):
        raise PedbenchError("no photo has a mask: training needs photos with masks")
    trainer = Supervised(
        model,
        out,
        lr=lr,
        steps=steps,
        seed=seed,
        device=device,
        size=size,
        teacher=teacher,
        rounds=rounds,
    )
    drop_branches(trainer.sam, drop)
    if not (resume and trainer.resume()) and init is not None:
        trainer.begin_with(init)
    return trainer.run(
        photos,
        batch=batch,
        prompts=prompts,
        log_every=log_every,
        save_every=save_every,
        title=f"train {model}",
    )


class Supervised(Trainer):
    """A model with fresh weights that learns from masks."""

    decay = 0.999
    loss_weights: ClassVar[Mapping[str, float]] = {"click": 0.5}

    def __init__(
        self,
        model: str,
        out: Path,
        *,
        lr: float,
        steps: int,
        seed: int,
        device: str,
        size: int | None,
        teacher: Path | None,
        rounds: int,
    ) -> None:
        torch.manual_seed(seed)
        sam = initial_sam(model, size).to(device).train()
        self.teacher = load_teacher(teacher, sam).to(device) if teacher else None
        self.rounds = rounds
        groups = parameter_groups(sam)
        if self.teacher:
            groups.append({"params": list(self.teacher.heads.parameters()), "weight_decay": 0})
        optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=True)
        super().__init__(sam, optimizer, out, lr=lr, steps=steps, seed=seed)

    def begin_with(self, init: Path) -> None:
        """Start from the weights of a state or of a ``.safetensors`` file."""
        self.load_weights(load_weights(init))
        if init.suffix != ".safetensors":
            self.load_beside(load_state(init))
        self.average = Average.of(self.sam, self.decay)

    def clipped(self) -> Sequence[Parameter]:
        return list(self.sam.parameters())

    def beside(self) -> Mapping[str, nn.Module]:
        return {"heads": self.teacher.heads} if self.teacher else {}

    def losses(self, data: Batch, generator: torch.Generator) -> Losses:
        rounds = int(np.random.default_rng([self.seed, self.step, 2]).integers(self.rounds + 1))
        device = self.sam.device
        images = data.images.to(device)
        embeddings = self.sam.image_encoder(images)
        taught = {"teacher": self.teacher.loss(images, TAUGHT_SHARE)} if self.teacher else {}
        found = [
            scene_losses(self.sam, embedding[None], masks.to(device), generator, rounds)
            for embedding, masks in zip(embeddings, data.masks, strict=True)
            if len(masks)
        ]
        found = found or [{"box": embeddings.sum() * 0}]
        means = {k: torch.stack([losses[k] for losses in found]).mean() for k in found[0]}
        return means | taught
