"""Models by name: those of Segment Anything, and those of other packages' encoders."""

from __future__ import annotations

from framework.errors import unknown_name
from framework.models.architectures import ARCHITECTURES, Architecture
from framework.models.encoder import ENCODERS, Encoder
from framework.models.encoders.sam_vit import SamVit
from framework.warn import warn_once_for_all


def models() -> dict[str, tuple[Architecture, type[Encoder]]]:
    """Every model that `build_sam` makes by name: its sizes, and the encoder that builds it.

    A name that is taken stays with its first owner, with a warning.
    """
    found: dict[str, tuple[Architecture, type[Encoder]]] = {
        name: (arch, SamVit) for name, arch in ARCHITECTURES.items()
    }
    for encoder_name, encoder in ENCODERS.items():
        for arch in encoder.models():
            owner = found.setdefault(arch.name, (arch, encoder))[1]
            if owner is not encoder:
                warn_once_for_all(
                    f"the encoders '{owner.name}' and '{encoder_name}' both have a model "
                    f"'{arch.name}': '{owner.name}' keeps it"
                )
    return found


def architecture(name: str) -> Architecture:
    """The architecture called ``name``.

    Raises:
        PedbenchError: there is none of that name.
    """
    known = models()
    if name not in known:
        raise unknown_name("model", name, known)
    return known[name][0]


def encoder_of(arch: Architecture) -> type[Encoder]:
    """What builds and runs the encoder of a named model; `SamVit` for any other."""
    return models().get(arch.name, (arch, SamVit))[1]
