"""The attackers' own photos: seen as far as they are needed, and no differently for it."""

import dataclasses

import numpy as np
import pytest

from attacks.threat_models.base import ThreatModel
from bench.attackers import public_knowledge as public
from bench.attackers.public_knowledge import PublicPhotos, rounds_to
from bench.attackers.training_setting import TrainingSetting
from bench.datasets import open_dataset
from bench.runner.evaluation.pipelines import Unsupported
from bench.runner.models import Models
from bench.spec.cells import Pipeline
from framework.models.named import architecture
from framework.split.plans import make_plan

CLEAN = TrainingSetting()
NOISE = Pipeline(defence="gaussian", strength=1.0)


@pytest.fixture(scope="module")
def photos():
    return PublicPhotos(Models("tiny", "random"), [open_dataset("synthetic:1@1")])


@pytest.mark.parametrize(("stage", "rounds"), [(0, 1), (1, 1), (2, 2), (3, 2), (7, 4), (8, None)])
def test_rounds_that_a_stage_needs(stage, rounds):
    setting = TrainingSetting(threat=ThreatModel(stage=stage))
    assert rounds_to(make_plan("interleaved", architecture("tiny")), setting) == rounds


def test_the_earliest_stage_needs_one_round_and_every_round_needs_all():
    plan = make_plan("interleaved", architecture("tiny"))
    assert rounds_to(plan, CLEAN) == 1
    assert rounds_to(plan, dataclasses.replace(CLEAN, every_round=True)) is None


@pytest.mark.slow
def test_a_photo_stopped_early_is_seen_as_if_it_went_through(photos, monkeypatch):
    settings = [TrainingSetting(NOISE, ThreatModel(stage=stage)) for stage in (None, 0, 1, 2, 3)]
    settings.append(TrainingSetting(NOISE, ThreatModel(frames=3, averages=True)))
    stopped = [tokens(photos, setting) for setting in settings]
    photos.forget()
    monkeypatch.setattr(public, "rounds_to", lambda plan, setting: None)
    for setting, found in zip(settings, stopped, strict=True):
        photos.forget()
        whole = tokens(photos, setting)
        assert found.keys() == whole.keys()
        assert all(np.array_equal(found[window], whole[window]) for window in whole)


def test_a_stage_that_no_shard_sees_is_unsupported(photos):
    with pytest.raises(Unsupported, match="no shard of the plan 'prefix' sees stage 4"):
        photos.knowledge(TrainingSetting(Pipeline("prefix"), ThreatModel(stage=4)))


def tokens(photos, setting):
    [example] = photos.knowledge(setting).public
    [stage] = example.observation.stages
    return example.observation.tokens(stage)
