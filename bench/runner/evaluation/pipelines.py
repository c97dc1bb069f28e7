"""Predictors for the pipelines of a run."""

from __future__ import annotations

import hashlib

from bench.flags.remote import Remote, connection
from bench.spec.cells import Pipeline
from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.split.defences import make_defence
from framework.split.plans import make_plan
from framework.split.policies import POLICIES
from framework.split.predictor import DistributedSamPredictor
from framework.transport.base import LocalShards


class Unsupported(PedbenchError):
    """A cell asks for what the run has not got; its records get status ``unsupported``."""


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
