"""The models of a run: its own, the adapted twin, and the public ones that stand in for them."""

from __future__ import annotations

from attacks.query_free.public_model import published_substitute
from bench.runner.evaluation.pipelines import Unsupported
from bench.runner.folder.provenance import weights_label
from framework.errors import PedbenchError
from framework.models.architectures import ARCHITECTURES, GLOBALS_LAST
from framework.models.build import RANDOM, PedSam, build_sam

SHIPPED = "shipped"


class NotAdapted(Unsupported):
    """A pipeline asks for adapted weights that the run's model has not got."""


class Models:
    """The model of a run and, on demand, the same adapted to `globals_last`.

    Args:
        name, checkpoint: of the run's model, as in `build_sam`.
        adapted_checkpoint: weights of the adapted one; those that are shipped unless given.
        device: where they run.
        precision: of their encoders, as in `build_sam`.

    Raises:
        PedbenchError: unknown name or precision; missing, damaged or foreign checkpoint.
    """

    def __init__(
        self,
        name: str,
        checkpoint: str | None = None,
        adapted_checkpoint: str | None = None,
        device: str = "cpu",
        precision: str = "float32",
    ) -> None:
        self.device = device
        self.precision = precision
        self.sam = self._build(name, checkpoint)
        self._adapted: PedSam | None = None
        if adapted_checkpoint:
            self._adapted = self._build(name + GLOBALS_LAST, adapted_checkpoint)
        self._given = name, checkpoint, adapted_checkpoint, device
        self._known: Models | None = None
        self._substitutes: dict[bool, PedSam | str] = {}

    def _build(self, name: str, checkpoint: str | None) -> PedSam:
        return build_sam(name, checkpoint, precision=self.precision).to(self.device)

    def get(self, adapted: bool = False) -> PedSam:
        """The run's model, or its adapted twin.

        Raises:
            NotAdapted: there are no adapted weights.
        """
        if not adapted:
            return self.sam
        if self._adapted is None:
            self._adapted = self._twin()
        return self._adapted

    def known(self, adapted: bool = False) -> PedSam:
        """As `get`, but in float32: what an attacker computes with who has the weights."""
        if self.precision == "float32":
            return self.get(adapted)
        if self._known is None:
            self._known = Models(*self._given)
        return self._known.get(adapted)

    def _twin(self) -> PedSam:
        name, source = self.sam.arch.name + GLOBALS_LAST, self.sam.weights.source
        if source in (SHIPPED, RANDOM) and name in ARCHITECTURES:
            return self._build(name, RANDOM if source == RANDOM else None)
        raise NotAdapted(
            f"these weights of '{self.sam.arch.name}' have no adapted twin: make one with "
            "'pedbench adapt' and give --adapted-checkpoint FILE"
        )

    def substitute(self, adapted: bool = False) -> PedSam | None:
        """The public model from which query-free attackers learn; ``None`` where there is none.

        Raises:
            NotAdapted: there is no adapted model to stand in for.
        """
        found = self._substitute(adapted)
        return None if isinstance(found, str) else found

    def no_substitute(self, adapted: bool = False) -> str | None:
        """Why there is no substitute, in one line; ``None`` where there is one."""
        try:
            found = self._substitute(adapted)
        except NotAdapted as error:
            return str(error)
        return found if isinstance(found, str) else None

    def substitute_label(self, adapted: bool = False) -> str:
        """Source and short hash of the substitute's weights, or why there is none."""
        reason = self.no_substitute(adapted)
        found = self.substitute(adapted) if reason is None else None
        return reason or "" if found is None else weights_label(found)

    def adapted_label(self) -> str:
        """Label of the adapted twin's weights; empty where there is none."""
        try:
            return weights_label(self.get(adapted=True))
        except NotAdapted:
            return ""

    def _substitute(self, adapted: bool) -> PedSam | str:
        """The substitute, or why there is none; looked for once."""
        if adapted not in self._substitutes:
            target = self.get(adapted)
            try:
                self._substitutes[adapted] = published_substitute(target)
            except PedbenchError as error:
                self._substitutes[adapted] = str(error)
        return self._substitutes[adapted]
