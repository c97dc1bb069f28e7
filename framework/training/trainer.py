"""The training loop: resumable, logged, the same for CPU and GPU."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from tqdm import tqdm

from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.training.objective import Losses
from framework.training.optimisation.checkpoint import STATE_FILE, Average, load_state, save_state
from framework.training.optimisation.log import Log
from framework.training.optimisation.parallel import rank, share_gradients
from framework.training.optimisation.precision import multiplies_bfloat16
from framework.training.optimisation.start_and_rate import schedule
from framework.training.resolution import fit_tables
from framework.training.scenes.batches import Batch, batches
from framework.training.scenes.types import Photo

LARGEST_GRADIENT = 1.0


class Trainer(ABC):
    """A model in training and all that must survive an interruption.

    Every draw depends on ``seed`` and the step alone, so a run that was killed and resumed goes
    the same way as one that was not.

    Args:
        sam: the model that is trained, on its device.
        optimizer: of what is trained.
        out: folder of the state (``state.pt``) and the log (``log.jsonl``).
        lr: highest learning rate.
        steps: length of the schedule.
    """

    decay: ClassVar[float]
    """Of the averaged weights."""
    loss_weights: ClassVar[Mapping[str, float]] = {}
    """Of each loss in the total; 1 unless given."""

    def __init__(
        self,
        sam: PedSam,
        optimizer: torch.optim.Optimizer,
        out: Path,
        *,
        lr: float,
        steps: int,
        seed: int,
    ) -> None:
        self.sam, self.optimizer, self.out = sam, optimizer, out
        self.lr, self.steps, self.seed = lr, steps, seed
        self.own_seed = seed + 7919 * rank()
        self.average = Average.of(sam, self.decay)
        self.step = 0
        self.log = Log(out)

    @abstractmethod
    def losses(self, data: Batch, generator: torch.Generator) -> Losses:
        """The losses of a batch; ``generator`` is the only source of randomness."""

    def clipped(self) -> Sequence[Parameter]:
        """The parameters whose gradient has a largest norm."""
        return self.trained()

    def beside(self) -> Mapping[str, nn.Module]:
        """Modules that are trained with the model and kept in its state, by name."""
        return {}

    def trained(self) -> Sequence[Parameter]:
        """All that the optimiser moves."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def run(
        self,
        photos: Sequence[Photo],
        *,
        batch: int,
        prompts: int,
        log_every: int,
        save_every: int,
        title: str,
    ) -> Path:
        """Take the steps that are left; returns the state's path."""
        left = range(self.step, self.steps)
        loader = batches(photos, self.sam, left, batch, prompts, self.own_seed)
        bar = tqdm(
            loader,
            total=self.steps,
            initial=self.step,
            desc=title,
            unit="step",
            disable=rank() > 0,
        )
        with contextlib.closing(loader):
            for data in bar:
                self.advance(data)
                if self.step % log_every == 0 and not rank():
                    bar.set_postfix(loss=f"{self._write_log():.3f}")
                if self.step % save_every == 0 and not rank():
                    self.save()
        return self.save() if not rank() else self.out / STATE_FILE

    def advance(self, data: Batch) -> None:
        """One optimiser step."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * schedule(self.step, self.steps)
        generator = torch.Generator().manual_seed(self.own_seed * 1_000_003 + self.step)
        device = self.sam.device.type
        with torch.autocast(device, torch.bfloat16, enabled=multiplies_bfloat16(device)):
            losses = self.losses(data, generator)
        weighted = [self.loss_weights.get(name, 1.0) * loss for name, loss in losses.items()]
        total = torch.stack(weighted).sum()
        self.optimizer.zero_grad()
        total.backward()
        share_gradients(self.trained())
        norm = torch.nn.utils.clip_grad_norm_(self.clipped(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1
        self.average.update(self.sam, self.step)
        found = {name: loss.detach() for name, loss in losses.items()}
        self.log.add(found | {"norm": norm, "loss": total.detach()})

    def resume(self) -> bool:
        """Go on from the state in ``out``; whether there is one."""
        path = self.out / STATE_FILE
        if not path.exists():
            return False
        state = load_state(path)
        self.load_weights(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.tensors = {k: v.to(self.sam.device) for k, v in state["average"].items()}
        self.step = self.log.written = state["step"]
        self.load_beside(state)
        return True

    def save(self) -> Path:
        """Write the state to ``out``."""
        state = {
            "model": self.sam.arch.name,
            "step": self.step,
            "weights": self.sam.state_dict(),
            "average": self.average.tensors,
            "optimizer": self.optimizer.state_dict(),
        }
        beside = {name: module.state_dict() for name, module in self.beside().items()}
        return save_state(self.out, state | beside)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take weights of any input size.

        Raises:
            PedbenchError: they are another model's.
        """
        try:
            self.sam.load_state_dict(fit_tables(weights, self.sam.state_dict()))
        except RuntimeError as error:
            raise PedbenchError(
                f"the weights to start from are not those of '{self.sam.arch.name}': give others"
            ) from error

    def load_beside(self, state: Mapping[str, Any]) -> None:
        """Take back the modules `beside` the model, as far as ``state`` holds them."""
        for name, module in self.beside().items():
            if state.get(name):
                module.load_state_dict(state[name])

    def _write_log(self) -> float:
        """Append the means since the last call to ``log.jsonl``; returns the mean total loss."""
        return self.log.write(self.step, lr=self.optimizer.param_groups[0]["lr"])["loss"]
