"""Predictors for the pipelines of a run."""

from __future__ import annotations

import hashlib

from bench.flags.remote import Remote, connection
from bench.spec.cells import Pipeline
from framework.errors import PedbenchError
from framework.models.architectures import ARCHITECTURES, GLOBALS_LAST
from framework.models.build import RANDOM, PedSam, build_sam
from framework.split.defences import make_defence
from framework.split.plans import make_plan
from framework.split.policies import POLICIES
from framework.split.predictor import DistributedSamPredictor
from framework.transport.base import LocalShards

SHIPPED = "shipped"


class Unsupported(PedbenchError):
    """A cell asks for what the run has not got; its records get status ``unsupported``."""


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


def build_predictor(
    sam: PedSam, pipeline: Pipeline, seed: int, remote: Remote | None = None
) -> DistributedSamPredictor:
    """The predictor of ``pipeline``.

    Args:
        seed: fixes its secret assignment and its noise.
        remote: servers that it uses; in this process unless given.
    """
    away = remote is not None and make_plan(pipeline.plan, sam.arch).rounds > 0
    return DistributedSamPredictor(
        sam,
        connection(remote) if remote and away else LocalShards(pipeline.n_shards),
        plan=pipeline.plan,
        policy=POLICIES.get(pipeline.policy)(seed),
        payload=pipeline.payload,
        defence=make_defence(pipeline.defence, pipeline.strength),
        seed=seed,
    )


def seed_of(*parts: object) -> int:
    """A seed that depends on names only, so that a resumed run draws what it would have drawn."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
