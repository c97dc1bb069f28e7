"""A worker elsewhere is sent the weights of the defences that its pipelines name."""

from __future__ import annotations

import pytest

from bench.runner.context import Context
from bench.runner.units.resume import tasks_left
from bench.runner.units.shipment import Shipment
from bench.spec.config import load_preset
from framework.split.defences import make_defence

PRESET = """
model: toy
checkpoint: random
data: synthetic:1
public: ["synthetic:2@1"]
seeds: [0]
groups:
  - {policy: random, n_shards: 4, segmentation: true, attacks: [ridge], coalitions: {4: [1]}}
  - {policy: random, n_shards: 4, segmentation: true, attacks: [ridge], coalitions: {4: [1]},
     defence: learned_noise, strength: 0.5}
"""


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "small.yaml").write_text(PRESET)
    return Context(load_preset(str(tmp_path / "small.yaml")), tmp_path / "out", "cpu")


def test_weights_travel_to_those_who_need_them_alone(context):
    sam = context.models.sam
    frame = context.scored.load(context.scored.ids[0]).image
    path = make_defence("learned_noise", 0.5).train(sam, "interleaved", [frame], 1, 0)
    name, shipment = f"defences/{path.name}", Shipment(context)
    tasks = tasks_left(context, {})
    attackers = context.attackers.untrained(context.config.cells())
    assert len(tasks) == len(attackers) == 2
    for unit in (*tasks, *attackers):
        pipeline = unit.pipeline if hasattr(unit, "pipeline") else unit.cells[0].pipeline
        assert (name in shipment.needs(unit)) == (pipeline.defence == "learned_noise")
    assert shipment.contents([name])[name] == path.read_bytes()
