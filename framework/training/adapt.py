"""Adapting a SAM to `globals_last`: its blocks in another order, trained to imitate the old one.

The window blocks come first and the global ones last, so that one round is enough. What that
changes in the image embedding is taught back by distillation: labels are not needed, only photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from framework.errors import PedbenchError
from framework.models.architectures import Architecture, globals_last
from framework.models.block import fold_attention
from framework.models.build import PedSam, assemble
from framework.training.objective import Losses, decode
from framework.training.prompts import embed, first_prompts
from framework.training.scenes.batches import Batch
from framework.training.scenes.types import Photo
from framework.training.trainer import Trainer

TRAINED = ("globals", "all")
POSITIONS = ("shard", "edge")
LARGEST_LOGIT = 8.0
"""Mask logits beyond this count as certain: how certain is not imitated."""


@dataclass(frozen=True)
class Adaptation:
    """What becomes of a model's blocks, and what of it is trained.

    Attributes:
        remaining: how many blocks stay global, the last ones of the stock order; ``None`` for all.
            The others become window blocks.
        converted: leave every block in its place and make the last ``remaining`` ones global,
            instead of moving the stock model's global blocks to the end.
        trained: ``all`` of the encoder, or only the ``globals`` with the neck, so that shards keep
            serving the stock weights.
        position: where the position embedding is added: before the windows leave (``shard``), or
            after they are back (``edge``), so that tokens do not tell where they belong.

    Raises:
        PedbenchError: an unknown choice.
    """

    remaining: int | None = None
    converted: bool = False
    trained: str = "all"
    position: str = "shard"

    def __post_init__(self) -> None:
        if self.trained not in TRAINED or self.position not in POSITIONS:
            raise PedbenchError(
                f"cannot train '{self.trained}' with position at the '{self.position}': "
                f"give one of {', '.join(TRAINED)} and one of {', '.join(POSITIONS)}"
            )

    def order(self, arch: Architecture) -> tuple[int, ...]:
        """The stock block that stands at each place of the adapted encoder.

        Raises:
            PedbenchError: there are not so many global blocks.
        """
        count = self.count(arch)
        stock = tuple(range(arch.depth))
        if self.converted:
            return stock
        last = arch.global_blocks[-count:]
        return tuple(block for block in stock if block not in last) + last

    def count(self, arch: Architecture) -> int:
        """How many blocks are global.

        Raises:
            PedbenchError: there are not so many.
        """
        most = len(arch.global_blocks)
        count = most if self.remaining is None else self.remaining
        if not 1 <= count <= most:
            raise PedbenchError(f"{count} global blocks: '{arch.name}' can keep 1 to {most}")
        return count


def rearrange(sam: PedSam, adaptation: Adaptation) -> PedSam:
    """The untrained student: ``sam``'s weights with its blocks in the adapted order.

    A block that stays of its kind keeps its tables of relative position; one that changes gets
    the part of its table that its new window needs, or has it continued at its ends.
    """
    arch = globals_last(sam.arch, adaptation.count(sam.arch))
    student = assemble(arch)
    state = sam.state_dict()
    expected = student.state_dict()
    for place, block in enumerate(adaptation.order(sam.arch)):
        for part, value in sam.image_encoder.blocks[block].state_dict().items():
            name = f"image_encoder.blocks.{place}.{part}"
            is_table = "rel_pos" in part
            state[name] = _same_offsets(value, len(expected[name])) if is_table else value
    student.load_state_dict(state)
    fold_attention(student.image_encoder)
    student.weights = replace(sam.weights, source="adapted")
    return student.to(sam.device).eval().requires_grad_(False)


def encode(sam: PedSam, images: Tensor, position: str = "shard") -> Tensor:
    """The image embedding [batch, channels, rows, columns] of normalised images.

    Args:
        position: as in `Adaptation`.
    """
    encoder = sam.image_encoder
    if position == "shard":
        return encoder(images)
    tokens = encoder.patch_embed(images)
    for i, block in enumerate(encoder.blocks):
        if i == sam.arch.global_blocks[0]:
            tokens = tokens + encoder.pos_embed
        tokens = block(tokens)
    return encoder.neck(tokens.permute(0, 3, 1, 2))


def adapt(
    teacher: PedSam,
    photos: Sequence[Photo],
    out: Path,
    *,
    steps: int,
    adaptation: Adaptation = Adaptation(),
    batch: int = 8,
    prompts: int = 6,
    lr: float = 3e-4,
    seed: int = 0,
    resume: bool = True,
    save_every: int = 200,
) -> Path:
    """Distil ``teacher`` into a model whose global blocks come last.

    Runs where ``teacher`` is, with matrix products in bfloat16 where that machine has units
    for it.

    Args:
        photos: with masks, which give the prompts under which masks are imitated.
        out: folder of the state and the log.
        steps: length of the schedule.
        batch: photos a step.
        prompts: at most this many masks a photo.
        lr: highest learning rate.
        resume: go on from ``out`` if it holds a state.

    Returns:
        The state's path, for `framework.training.export`.

    Raises:
        PedbenchError: no photo has a mask, or ``adaptation`` does not fit the model.
    """
    if not any(len(photo.masks) for photo in photos):
        raise PedbenchError("no photo has a mask: adapting needs photos with masks")
    trainer = Distillation(teacher, out, adaptation, lr=lr, steps=steps, seed=seed)
    if resume:
        trainer.resume()
    return trainer.run(
        photos, batch=batch, prompts=prompts, log_every=20, save_every=save_every, title="adapt"
    )


class Distillation(Trainer):
    """A student in training beside its teacher."""

    decay = 0.995

    def __init__(
        self,
        teacher: PedSam,
        out: Path,
        adaptation: Adaptation,
        *,
        lr: float,
        steps: int,
        seed: int,
    ) -> None:
        self.teacher, self.adaptation = teacher, adaptation
        student = rearrange(teacher, adaptation)
        trained = _trained(student, adaptation.trained)
        for parameter in trained:
            parameter.requires_grad_(True)
        optimizer = torch.optim.AdamW(trained, lr=lr, betas=(0.9, 0.98), weight_decay=0.01)
        super().__init__(student, optimizer, out, lr=lr, steps=steps, seed=seed)

    def losses(self, data: Batch, generator: torch.Generator) -> Losses:
        images = data.images.to(self.sam.device)
        with torch.no_grad():
            wanted = self.teacher.image_encoder(images).float()
        found = encode(self.sam, images, self.adaptation.position).float()
        return {
            "embedding": F.mse_loss(found, wanted) / wanted.var(),
            "masks": self._imitation(found, wanted, data.masks, generator),
        }

    def _imitation(
        self, found: Tensor, wanted: Tensor, masks: Sequence[Tensor], generator: torch.Generator
    ) -> Tensor:
        """How far the student's masks are from the teacher's, through the same decoder."""
        parts = []
        for mine, theirs, truth in zip(found, wanted, masks, strict=True):
            if not len(truth):
                continue
            truth = truth.to(mine.device)
            scale = self.teacher.arch.img_size / truth.shape[-1]
            prompts = first_prompts(truth, (len(truth) + 1) // 2, scale, generator)
            with torch.no_grad():
                sparse, dense = embed(self.teacher, prompts, None)
                aim, _ = decode(self.teacher, theirs[None], sparse, dense)
                aim = aim.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).sigmoid()
            logits, _ = decode(self.teacher, mine[None], sparse, dense)
            logits = logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
            certain = F.binary_cross_entropy(aim, aim)
            parts.append(F.binary_cross_entropy_with_logits(logits, aim) - certain)
        return torch.stack(parts).mean() if parts else found.new_zeros(())


def _trained(sam: PedSam, which: str) -> list[torch.nn.Parameter]:
    encoder = sam.image_encoder
    if which == "all":
        return list(encoder.parameters())
    last = [encoder.blocks[i] for i in sam.arch.global_blocks]
    return [p for module in (*last, encoder.neck) for p in module.parameters()]


def _same_offsets(table: Tensor, length: int) -> Tensor:
    """A table [offsets, channels] for ``length`` offsets around the same middle."""
    surplus = (len(table) - length) // 2
    if surplus >= 0:
        return table[surplus : surplus + length]
    return torch.cat([table[:1].expand(-surplus, -1), table, table[-1:].expand(-surplus, -1)])
