"""The interface of an attack: it gets an observation and public knowledge, never the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError, place_of_code
from framework.models.build import PedSam
from framework.registry import Registry
from framework.split.observation import Observation

Kind = Literal["floor", "inpainting", "inversion", "ceiling"]

WEIGHTS = "weights"
"""Capability: the model's weights are known."""
POSITIONS = "positions"
"""Capability: the attacker knows where each window stands."""
FIRST_STAGE = "stage 0"
"""Capability: windows are seen as pixels or embedded patches, before any block."""
PIXELS = "pixels"
"""Capability: windows are seen as pixels."""
FRAMES = "several frames"
"""Capability: more than one picture of the scene is seen."""
QUERIES = "queries"
"""Capability: photos of one's own can be sent through the system, or through a copy of it."""
STRANGERS = "strangers' windows"
"""Capability: the attacker overheard what the system sends of other users' photos, and cannot see
what it sends of the attacker's own."""
SUBSTITUTE = "a substitute model"
"""Capability: a public model stands in for one that can be neither read nor queried."""
CAPABILITIES = frozenset(
    {WEIGHTS, POSITIONS, FIRST_STAGE, PIXELS, FRAMES, QUERIES, STRANGERS, SUBSTITUTE}
)


class Unlearnable(PedbenchError):
    """An attack cannot work with what this attacker has, others may: the cell is unsupported."""


@dataclass(frozen=True)
class PublicExample:
    """A public photo of the attacker's own, as it looks to shards.

    Attributes:
        frame: uint8 [h, w, 3], resized to the model's input, unpadded.
        observation: what all shards together saw of it, sent through the same system, or through
            the substitute where the attacker has no queries.
    """

    frame: NDArray[np.uint8]
    observation: Observation


@dataclass(frozen=True)
class Knowledge:
    """What an attacker has before the observation.

    Attributes:
        sam: the model, or ``None`` when its weights are secret.
        public: the attacker's own photos; disjoint from the photos scored.
        device: for training, as PyTorch names it.
        substitute: a public model of the same architecture in place of the one under attack. The
            photos of ``public`` went through it. ``None`` where the attacker has better.
        overheard: what all shards together saw of strangers' photos, neither public nor scored;
            empty where the attacker has queries.
    """

    sam: PedSam | None
    public: Sequence[PublicExample]
    device: str = "cpu"
    substitute: PedSam | None = None
    overheard: Sequence[Observation] = ()


class Attack(ABC):
    """Rebuilds the whole picture from what a coalition saw.

    Whatever an attack learns is kept as named arrays in ``learned``, which is its whole state.

    Attributes:
        name: as registered.
        summary: one line.
        kind: ``floor``, ``inpainting``, ``inversion`` or ``ceiling``.
        setting_independent: whether what `fit` learns is the same however windows arrive (plan,
            payload, defence, stage). A class that overrides `fit` says so itself; that a base
            class does is not enough.
        needs_training: whether each training setting needs a fit of its own. It follows: `fit` is
            overridden, and the class that does so is not ``setting_independent``.
        needs: the `CAPABILITIES` it cannot do without.
        undoes: defences that it is made against. Elsewhere it does what the attack does that it
            builds on.
        every_round: whether it learns from all rounds of the public photos, not the first alone.
        random: whether the seed changes its pictures; a run asks once for an attack of which it
            does not, whatever its seeds.
        sampled: whether each seed is one draw of many that an attacker may make; the table
            ``draws`` says what the best and the worst of a run's seeds give away.
        trained_on: list of the photos that weights shipped with it learned from, as
            `attacks.networks.shipped.write_photos` writes it; a run refuses to score them.

    Args:
        seed: of everything random in training.
    """

    name: str = ""
    summary: str = ""
    kind: ClassVar[Kind]
    setting_independent: ClassVar[bool] = False
    needs_training: ClassVar[bool] = False
    needs: frozenset[str] = frozenset()
    undoes: ClassVar[frozenset[str]] = frozenset()
    every_round: bool = False
    random: bool = False
    sampled: ClassVar[bool] = False
    trained_on: ClassVar[Path | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if unknown := sorted(set(cls.needs) - CAPABILITIES):
            raise PedbenchError(
                f"attack class {cls.__qualname__} needs {', '.join(map(repr, unknown))}: "
                f"known are {', '.join(sorted(CAPABILITIES))}"
            )
        needed = _fits_each_setting(cls)
        if vars(cls).get("needs_training", needed) != needed:
            raise PedbenchError(
                f"attack class {cls.__qualname__} says needs_training = {cls.needs_training}: "
                "override fit where there is something to learn, and say "
                "setting_independent = True where it is the same in every setting"
            )
        cls.needs_training = needed

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.learned: dict[str, NDArray[Any]] = {}

    def fit(self, knowledge: Knowledge) -> None:  # noqa: B027
        """Learn from public knowledge.

        Raises:
            Unlearnable: this attack cannot do anything with it.
            PedbenchError: the knowledge does not suffice.
        """

    @classmethod
    def user_files(cls) -> list[Path]:
        """Files of the user's own that pictures depend on, so that stored ones are told apart."""
        return []

    @abstractmethod
    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        """The whole picture as the attacker believes it: uint8 [h, w, 3] of the frame's size.

        Raises:
            PedbenchError: the attack is not fitted, or was fitted to something else.
        """

    def state(self) -> dict[str, NDArray[Any]]:
        """What `fit` learned, for `load_state`; in C order, which safetensors takes for granted."""
        return {name: np.ascontiguousarray(array) for name, array in self.learned.items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what another instance learned."""
        self.learned = dict(state)

    def recall(self, key: str) -> NDArray[Any]:
        """One learned array.

        Raises:
            PedbenchError: nothing of that name was learned.
        """
        if key not in self.learned:
            raise PedbenchError(
                f"attack '{self.name}' has not learned its '{key}': call fit, or load its state"
            )
        return self.learned[key]


def _fits_each_setting(attack: type[Attack]) -> bool:
    """Whether `fit` is overridden by a class that does not call it independent of the setting.

    The first class in order of resolution that has a `fit` or a ``setting_independent`` decides.
    """
    deciding = next(c for c in attack.__mro__ if {"fit", "setting_independent"} & vars(c).keys())
    independent = vars(deciding).get("setting_independent", False)
    return attack.fit is not Attack.fit and not independent


def reconstruction(attack: Attack, observation: Observation) -> NDArray[np.uint8]:
    """The picture that ``attack`` makes of ``observation``, checked.

    Attacks share their observations, so its payloads are made read-only. The picture is a copy,
    for the attack may go on with its own.

    Raises:
        PedbenchError: it is no uint8 [h, w, 3] of the frame's size.
    """
    observation.lock()
    picture = attack.reconstruct(observation)
    expected = (*observation.frame_size, 3)
    form = getattr(picture, "dtype", None), getattr(picture, "shape", None)
    if not isinstance(picture, np.ndarray) or form != (np.uint8, expected):
        found = f"{form[0]} {list(form[1])}" if form[1] is not None else type(picture).__name__
        raise PedbenchError(
            f"attack '{attack.name}'{place_of_code(type(attack).reconstruct)} returns {found}: "
            f"it must return uint8 {list(expected)}, the frame's size"
        )
    return picture.copy()


def checked_state(attack: Attack) -> dict[str, NDArray[Any]]:
    """What ``attack`` learned, in C order.

    Raises:
        PedbenchError: its state is no dictionary of numbers in arrays by name, or holds nothing of
            what `Attack.fit` learned.
    """
    state = attack.state()
    if type(attack).fit is not Attack.fit and isinstance(state, Mapping) and not state:
        raise PedbenchError(
            f"attack '{attack.name}'{place_of_code(type(attack).fit)} keeps nothing of what fit "
            "learned: put arrays into self.learned, and read them with self.recall"
        )
    if isinstance(state, Mapping) and all(map(_is_numbers, state.keys(), state.values())):
        return {name: np.ascontiguousarray(array) for name, array in state.items()}
    raise PedbenchError(
        f"attack '{attack.name}'{place_of_code(type(attack).state)} has a state that cannot be "
        "kept: return a dictionary of names and NumPy arrays of bool, integers or real numbers"
    )


def _is_numbers(name: object, array: object) -> bool:
    return isinstance(name, str) and isinstance(array, np.ndarray) and array.dtype.kind in "biuf"


ATTACKS: Registry[type[Attack]] = Registry("attack", "attacks.methods", "pedbench.attacks", Attack)
