"""Predictors for the pipelines of a run."""

from __future__ import annotations

import hashlib

from bench.scenario import Pipeline
from framework.defences import DEFENCES
from framework.models.build import PedSam
from framework.policies import POLICIES
from framework.predictor import DistributedSamPredictor
from framework.shard.transport import LocalShards


def build_predictor(sam: PedSam, pipeline: Pipeline, seed: int) -> DistributedSamPredictor:
    """The predictor of ``pipeline``; ``seed`` fixes its secret assignment and its noise."""
    return DistributedSamPredictor(
        sam,
        LocalShards(pipeline.n_shards),
        plan=pipeline.plan,
        policy=POLICIES.get(pipeline.policy)(seed),
        payload=pipeline.payload,
        defence=DEFENCES.get(pipeline.defence)(pipeline.strength),
        seed=seed,
    )


def seed_of(*parts: object) -> int:
    """A seed that depends on names only, so that a resumed run draws what it would have drawn."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
