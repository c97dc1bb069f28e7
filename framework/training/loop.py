"""The training loop: resumable, logged, the same for CPU and GPU."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from framework.errors import PedbenchError
from framework.training.objective import Losses, scene_losses
from framework.training.optimisation.checkpoint import (
    STATE_FILE,
    Average,
    load_state,
    load_weights,
    save_state,
)
from framework.training.optimisation.log import Log
from framework.training.optimisation.parallel import rank, share_gradients
from framework.training.optimisation.precision import multiplies_bfloat16
from framework.training.optimisation.regularise import drop_branches
from framework.training.optimisation.start_and_rate import initial_sam, parameter_groups, schedule
from framework.training.resolution import fit_tables
from framework.training.scenes.batches import Batch, batches
from framework.training.scenes.types import Photo
from framework.training.teacher import load_teacher

LARGEST_GRADIENT = 1.0
LOSS_WEIGHTS = {"box": 1.0, "point": 1.0, "click": 0.5, "iou": 1.0, "teacher": 1.0}

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

    Every draw depends on ``seed`` and the step alone, so a run that was killed and resumed goes
    the same way as one that was not.

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
    run = Run(model, out, lr=lr, steps=steps, seed=seed, device=device, size=size, teacher=teacher)
    drop_branches(run.sam, drop)
    run.start(resume, init)
    loader = batches(photos, run.sam, range(run.step, steps), batch, prompts, run.own_seed)
    bar = tqdm(
        loader,
        total=steps,
        initial=run.step,
        desc=f"train {model}",
        unit="step",
        disable=rank() > 0,
    )
    with contextlib.closing(loader):
        for data in bar:
            run.advance(data, rounds)
            if run.step % log_every == 0 and not rank():
                bar.set_postfix(loss=f"{run.write_log():.3f}")
            if run.step % save_every == 0 and not rank():
                run.save()
    return run.save() if not rank() else out / STATE_FILE


class Run:
    """A model in training and all that must survive an interruption."""

    def __init__(
        self,
        model: str,
        out: Path,
        *,
        lr: float,
        steps: int,
        seed: int,
        device: str,
        size: int | None = None,
        teacher: Path | None = None,
    ) -> None:
        self.model, self.out, self.lr, self.steps, self.seed = model, out, lr, steps, seed
        self.own_seed = seed + 7919 * rank()
        torch.manual_seed(seed)
        self.sam = initial_sam(model, size).to(device).train()
        self.device = torch.device(device)
        self.teacher = load_teacher(teacher, self.sam).to(device) if teacher else None
        groups = parameter_groups(self.sam)
        if self.teacher:
            groups.append({"params": list(self.teacher.heads.parameters()), "weight_decay": 0})
        self.optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=True)
        self.average = Average.of(self.sam, 0.999)
        self.step = 0
        self.log = Log(out)

    def start(self, resume: bool, init: Path | None) -> None:
        """Load the state in ``out`` if there is one to resume, else the weights of ``init``."""
        path = self.out / STATE_FILE
        if resume and path.exists():
            state = load_state(path)
            self._load(state["weights"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.teacher:
                self.teacher.heads.load_state_dict(state["heads"])
            self.average.tensors = {k: v.to(self.device) for k, v in state["average"].items()}
            self.step = self.log.written = state["step"]
        elif init is not None:
            self._load(load_weights(init))
            heads = {} if init.suffix == ".safetensors" else load_state(init)["heads"]
            if self.teacher and heads:
                self.teacher.heads.load_state_dict(heads)
            self.average = Average.of(self.sam, self.average.decay)

    def advance(self, data: Batch, rounds: int) -> Losses:
        """One optimiser step; returns its losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * schedule(self.step, self.steps)
        generator = torch.Generator().manual_seed(self.own_seed * 1_000_003 + self.step)
        drawn = int(np.random.default_rng([self.seed, self.step, 2]).integers(rounds + 1))
        losses = self._losses(data, generator, drawn)
        total = torch.stack([LOSS_WEIGHTS[k] * v for k, v in losses.items()]).sum()
        self.optimizer.zero_grad()
        total.backward()
        share_gradients(self._trained())
        norm = torch.nn.utils.clip_grad_norm_(self.sam.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1
        self.average.update(self.sam, self.step)
        losses = {k: v.detach() for k, v in losses.items()} | {"norm": norm, "loss": total.detach()}
        self.log.add(losses)
        return losses

    def write_log(self) -> float:
        """Append the means since the last call to ``log.jsonl``; returns the mean total loss."""
        return self.log.write(self.step, lr=self.optimizer.param_groups[0]["lr"])["loss"]

    def save(self) -> Path:
        """Write the state to ``out``."""
        return save_state(
            self.out,
            {
                "model": self.model,
                "step": self.step,
                "weights": self.sam.state_dict(),
                "average": self.average.tensors,
                "optimizer": self.optimizer.state_dict(),
                "heads": self.teacher.heads.state_dict() if self.teacher else {},
            },
        )

    def _trained(self) -> list[torch.nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _losses(self, data: Batch, generator: torch.Generator, rounds: int) -> Losses:
        half = multiplies_bfloat16(self.device.type)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            images = data.images.to(self.device)
            embeddings = self.sam.image_encoder(images)
            taught = {"teacher": self.teacher.loss(images, TAUGHT_SHARE)} if self.teacher else {}
            found = [
                scene_losses(self.sam, embedding[None], masks.to(self.device), generator, rounds)
                for embedding, masks in zip(embeddings, data.masks, strict=True)
                if len(masks)
            ]
        found = found or [{"box": embeddings.sum() * 0}]
        means = {k: torch.stack([losses[k] for losses in found]).mean() for k in found[0]}
        return means | taught

    def _load(self, weights: dict[str, Tensor]) -> None:
        try:
            self.sam.load_state_dict(fit_tables(weights, self.sam.state_dict()))
        except RuntimeError as error:
            raise PedbenchError(
                f"the weights to start from are not those of '{self.model}': give others"
            ) from error
