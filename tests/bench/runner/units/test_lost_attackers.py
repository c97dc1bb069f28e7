"""An attacker that goes from the cache between the waves is fitted again."""

from __future__ import annotations

import pytest

from bench.attackers.shipped import save_shipped
from bench.runner.context import Context
from bench.runner.units.resume import tasks_left
from bench.runner.units.shipment import Shipment
from bench.runner.units.waves import Waves
from bench.spec.config import load_preset

PRESET = """
model: toy
checkpoint: random
data: synthetic:1
public: ["synthetic:2@1"]
seeds: [0]
groups:
  - policy: random
    n_shards: 4
    coalitions: {4: [1]}
    attacks: [ridge]
"""


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    """A context after the first wave, and the file of its attacker."""
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "small.yaml").write_text(PRESET)
    config = load_preset(str(tmp_path / "small.yaml"))
    context = Context(config, tmp_path / "out", "cpu")
    [cell] = Waves(context).fit(context.attackers.untrained(config.cells()))
    return context, context.attackers.file_of(cell)


def scores(context):
    found = Waves(context).compute(tasks_left(context, {}))
    records = [record for _, _, records in found for record in records]
    assert {record["status"] for record in records} <= {"ok", "not_applicable", "unsupported"}
    ridge = [record for record in records if record["attack"] == "ridge"]
    return [(record["region"], record["metric"], record.get("value")) for record in ridge]


def test_another_process_fits_it_anew_with_the_same_scores(fitted, tmp_path):
    context, file = fitted
    before = scores(context)
    file.unlink()
    assert scores(Context(context.config, tmp_path / "other", "cpu")) == before
    assert file.exists()


def test_a_worker_elsewhere_is_sent_public_photos_instead(fitted):
    context, file = fitted
    shipment = Shipment(context)
    [task] = tasks_left(context, {})
    name = f"attackers/{file.name}"
    needs = shipment.needs(task)
    assert name in needs
    assert name in shipment.contents(needs)
    file.unlink()
    assert name not in shipment.contents(needs)
    more = set(shipment.needs(task)) - set(needs)
    assert len(more) == 2
    assert shipment.contents(more).keys() == more


def test_a_worker_elsewhere_has_shipped_attackers_itself(fitted, tmp_path, monkeypatch):
    context, file = fitted
    [task] = tasks_left(context, {})
    monkeypatch.setattr("bench.attackers.fitting.SHIPPED", tmp_path / "weights")
    [(place, made)] = context.attackers.all_trained(task.cells)
    needs = Shipment(context).needs(task)
    save_shipped(place, made, packages="")
    file.unlink()
    assert Shipment(context).needs(task) == [n for n in needs if file.name not in n]
