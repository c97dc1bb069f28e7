"""What a visitor can choose, with the names that the project's registries have."""

from __future__ import annotations

from bench.spec.cells import Pipeline
from framework.errors import PedbenchError
from framework.split.defences import DEFENCES, make_defence
from framework.split.defences.base import NO_DEFENCE
from framework.split.defences.trained.base import TrainedDefence
from framework.split.payload import payload_names
from framework.split.plans import PLANS
from framework.split.policies import POLICIES

DETECTED = "sensitive_local"
NEEDS_MORE = {DETECTED, "one_per_shard"}
"""Policies that need an option, or a server for each window."""
DEFAULT = Pipeline(policy="random", n_shards=4)
STRENGTH = 0.5
"""Of a defence that is chosen anew; attackers are shipped for noise of this strength."""
ADAPTED_PLAN = "globals_last"


def plans() -> dict[str, str]:
    """Plans with their summaries."""
    return {name: f"{name}: {plan.summary}" for name, plan in PLANS.items()}


def payloads() -> list[str]:
    """Payloads."""
    return payload_names()


def policies() -> dict[str, str]:
    """Policies with their summaries; one that keeps the salient third of the picture at home."""
    known = {
        name: f"{name}: {policy.summary}"
        for name, policy in POLICIES.items()
        if name not in NEEDS_MORE
    }
    return known | {
        f"{DETECTED}:saliency:0.3": f"{DETECTED}: the third that stands out stays on the edge"
    }


def defences() -> dict[str, str]:
    """Defences with their summaries, but those that need training first."""
    return {
        name: f"{name}: {defence.summary}"
        for name, defence in DEFENCES.items()
        if not issubclass(defence, TrainedDefence)
    }


def pipeline(
    plan: str, payload: str, policy: str, n_shards: int, defence: str, strength: float | None
) -> Pipeline:
    """The pipeline of these choices; `globals_last` runs on the weights adapted to it.

    Args:
        strength: of the defence; None where the field was emptied.

    Raises:
        PedbenchError: the defence has no such strength.
    """
    amount = 0.0
    if defence != NO_DEFENCE:
        if strength is None:
            raise PedbenchError(f"defence '{defence}' without a strength: give one above 0")
        amount = make_defence(defence, strength).strength
    adapted = plan == ADAPTED_PLAN
    return Pipeline(plan, payload, policy, n_shards, defence, amount, adapted)
