"""State of a training run on disk, and the weights it ships."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from framework.errors import PedbenchError
from framework.files.writing import write_file
from framework.models.build import assemble
from framework.models.named import architecture
from framework.training.resolution import fit_tables

STATE_FILE = "state.pt"


@dataclass
class Average:
    """Exponential moving average of a module's parameters."""

    decay: float
    tensors: dict[str, Tensor]

    @classmethod
    def of(cls, module: nn.Module, decay: float) -> Average:
        """Starting at the present values of ``module``."""
        return cls(decay, {k: v.detach().clone().float() for k, v in module.state_dict().items()})

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in ``module`` after ``step`` steps; early ones weigh more."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine, theirs = [], []
        for name, value in module.state_dict().items():
            mine.append(self.tensors[name])
            theirs.append(value.detach().float())
        torch._foreach_lerp_(mine, theirs, 1 - decay)


def save_state(folder: Path, state: dict[str, Any]) -> Path:
    """Write ``state`` under ``folder``: a crash leaves either the old file or the new one."""
    content = io.BytesIO()
    torch.save(state, content)
    return write_file(folder / STATE_FILE, content.getvalue())


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote.

    Raises:
        PedbenchError: the file is missing or damaged.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise PedbenchError(
            f"training state {path} cannot be read ({type(error).__name__}): "
            "delete it to start afresh"
        ) from error
    assert isinstance(state, dict)
    return state


def load_weights(path: Path) -> dict[str, Tensor]:
    """Weights to start from: a training state (its average) or a ``.safetensors`` file.

    Raises:
        PedbenchError: the file is missing or damaged.
    """
    if path.suffix != ".safetensors":
        average: dict[str, Tensor] = load_state(path)["average"]
        return average
    if not path.is_file():
        raise PedbenchError(f"no weights at {path}: give a .safetensors or {STATE_FILE} file")
    return {name: value.float() for name, value in load_file(path).items()}


def export(state: Path, target: Path) -> Path:
    """Write the averaged weights of a training state as float16 ``.safetensors``.

    Names and shapes are those of ``build_sam(...).state_dict()``.

    Args:
        state: ``state.pt`` of a run.
        target: the file to write, replaced in one go.

    Raises:
        PedbenchError: ``state`` is missing or damaged.
    """
    content = load_state(state)
    expected = assemble(architecture(content["model"])).state_dict()
    average = fit_tables(content["average"], expected)
    tensors = {name: value.half().contiguous() for name, value in average.items()}
    metadata = {"model": content["model"], "step": str(content["step"])}
    return write_file(target, save(tensors, metadata=metadata))
