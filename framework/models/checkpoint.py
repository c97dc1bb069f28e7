"""Finding, checking and reading a SAM's weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from framework.errors import PedbenchError, one_line
from framework.files.cache import cache_dir
from framework.files.download import fetch, sha256_of
from framework.models.architectures import ARCHITECTURES, GLOBALS_LAST, Architecture

SHIPPED = Path(__file__).parent.parent / "weights"
OFFICIAL_ADDRESS = "https://dl.fbaipublicfiles.com/segment_anything/"
OFFICIAL = {
    "vit_b": (
        "sam_vit_b_01ec64.pth",
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
    "vit_l": (
        "sam_vit_l_0b3195.pth",
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ),
    "vit_h": (
        "sam_vit_h_4b8939.pth",
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ),
}
MARK = "image_encoder.pos_embed"
"""Tensor by which a SAM's weights are found in a file."""
WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts that wrapped modules add to the names of their tensors."""


@dataclass(frozen=True)
class Weights:
    """Where a model's weights came from.

    Attributes:
        source: ``shipped``, ``official``, ``file`` or ``random``.
        sha256: of the file; for random weights the seed's name.
        path: the file, if there is one.
    """

    source: str
    sha256: str
    path: Path | None

    @property
    def trained(self) -> bool:
        """False for random weights, whose outputs serve for timing only."""
        return self.source != "random"


def locate_weights(arch: Architecture, checkpoint: str | Path | None = None) -> Weights:
    """The weight file for ``arch``: the one given, the shipped one, or the official download.

    Raises:
        PedbenchError: the file is missing, or the download failed.
    """
    if checkpoint is not None:
        path = Path(checkpoint).expanduser()
        if not path.is_file():
            fault = "does not exist" if not path.exists() else "is not a file"
            fault = "is a folder" if path.is_dir() else fault
            raise PedbenchError(f"checkpoint {path} {fault}: give a .pth or .safetensors file")
        return Weights("file", sha256_of(path), path)
    if arch.name in OFFICIAL:
        name, sha256 = OFFICIAL[arch.name]
        path = fetch(OFFICIAL_ADDRESS + name, cache_dir() / name, sha256)
        return Weights("official", sha256, path)
    path = SHIPPED / f"{arch.name}.safetensors"
    if not path.is_file():
        command = f", or make them with 'pedbench {recipe(arch.name)}'"
        raise PedbenchError(
            f"no weights for '{arch.name}' are shipped: give --checkpoint FILE"
            f"{command if arch.name in ARCHITECTURES else ''}"
        )
    return Weights("shipped", sha256_of(path), path)


def must_download(model: str, checkpoint: str | Path | None = None) -> bool:
    """Whether `locate_weights` would have to download these weights first."""
    return (
        checkpoint is None and model in OFFICIAL and not (cache_dir() / OFFICIAL[model][0]).exists()
    )


def recipe(model: str) -> str:
    """The subcommand of `pedbench` that makes a model's weights."""
    if model.endswith(GLOBALS_LAST):
        return f"adapt --model {model.removesuffix(GLOBALS_LAST)} --data coco:DIR"
    return f"train --model {model} --data coco:DIR"


def read_state_dict(
    weights: Weights, arch: Architecture, expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Read a checkpoint as float32 tensors that fit ``expected`` name by name.

    Weights may lie within other mappings, as in ``{"state_dict": …}``, and their names may have
    a prefix or the parts of wrapped modules, as in ``module.image_encoder…``.

    Raises:
        PedbenchError: the file is damaged, belongs to another architecture, or holds several sets
            of weights that fit.
    """
    path = weights.path
    assert path is not None
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can fail in any way
        raise PedbenchError(
            f"checkpoint {path} is damaged or not a weight file ({one_line(error)}): "
            "fetch it again, or save its tensors alone"
        ) from error
    found = list(_weights_in(content)) or [("", _tensors(content))]
    misfits = [_misfit(_shapes(state), _shapes(expected), arch) for _, state in found]
    fitting = [named for named, misfit in zip(found, misfits, strict=True) if not misfit]
    if not fitting:
        raise PedbenchError(
            f"checkpoint {path} is not a '{arch.name}' checkpoint ({misfits[0]}): "
            "give the matching --model or another file"
        )
    if len(fitting) > 1:
        places = ", ".join(f"'{place}{MARK}'" for place, _ in fitting)
        raise PedbenchError(
            f"checkpoint {path} holds several sets of weights ({places}): save one of them alone"
        )
    _, state = fitting[0]
    return {name: state[name].float() for name in expected}


def _weights_in(content: object, place: str = "") -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Each SAM's weights in whatever a file held: where they lie, and the tensors by plain name."""
    tensors = _renamed(_tensors(content), _without_wrappers)
    for name in tensors:
        if name == MARK or name.endswith(f".{MARK}"):
            prefix = name.removesuffix(MARK)
            yield place + prefix, _renamed(tensors, partial(_without_prefix, prefix))
    if isinstance(content, Mapping):
        for key, part in content.items():
            yield from _weights_in(part, f"{place}{key}.")


def _without_wrappers(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def _without_prefix(prefix: str, name: str) -> str:
    return name.removeprefix(prefix)


def _renamed(tensors: dict[str, Tensor], change: Callable[[str], str]) -> dict[str, Tensor]:
    """Tensors under changed names; under their own where two would get the same one."""
    renamed = {change(name): tensor for name, tensor in tensors.items()}
    return renamed if len(renamed) == len(tensors) else tensors


def _tensors(content: object) -> dict[str, Tensor]:
    """The named tensors of a mapping; none of anything else."""
    if not isinstance(content, Mapping):
        return {}
    return {
        name: tensor
        for name, tensor in content.items()
        if isinstance(name, str) and isinstance(tensor, Tensor)
    }


Shapes = dict[str, tuple[int, ...]]


def _shapes(state: Mapping[str, Tensor]) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _misfit(found: Shapes, expected: Shapes, arch: Architecture) -> str:
    """Why tensors of the shapes ``found`` are not ``arch``'s weights; empty if they are."""
    look = [other.name for other in ARCHITECTURES.values() if _bears_mark_of(other, found)]
    if look and arch.name not in look:
        return f"it looks like '{look[0]}'"
    for name, shape in expected.items():
        if name not in found:
            return f"it lacks '{name}'"
        if found[name] != shape:
            return f"'{name}' has shape {found[name]}, not {shape}"
    foreign = sorted(found.keys() - expected.keys())
    return f"'{foreign[0]}' does not belong to it" if foreign else ""


def _bears_mark_of(arch: Architecture, shapes: Shapes) -> bool:
    """Whether position embedding, depth, heads and place of the global blocks are ``arch``'s."""
    grid, table = arch.grid_size, ".attn.rel_pos_h"
    marks: Shapes = {"image_encoder.pos_embed": (1, grid, grid, arch.width)}
    for block in range(arch.depth):
        side = grid if block in arch.global_blocks else arch.window_size
        marks[f"image_encoder.blocks.{block}{table}"] = (2 * side - 1, arch.width // arch.heads)
    return marks == {n: s for n, s in shapes.items() if n in marks or n.endswith(table)}
