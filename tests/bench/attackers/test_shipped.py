"""A shipped attacker is used where it was fitted to just these settings, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.threat_models.base import ThreatModel
from bench.attackers import fitting
from bench.attackers.fitting import Attackers
from bench.attackers.shipped import FOLDER, load_shipped, save_shipped
from bench.attackers.trained import Trained
from bench.datasets import open_dataset
from bench.runner.models import Models
from bench.spec.cells import AttackCell, Pipeline
from bench.spec.config import load_preset

MADE = Trained(
    {
        "net.weight": np.array([0.1, -3.0], np.float32),
        "large": np.array([1e6], np.float32),
        "stage": np.array([0]),
    },
    {"attack": "ridge", "curve": [[1, 2, 3]]},
)


def test_states_travel_in_float16_and_come_back_in_float32(tmp_path):
    path = tmp_path / "w" / "a.safetensors"
    assert save_shipped(path, MADE, "torch 1") == path.stat().st_size
    found = load_shipped(path)
    assert found.state["net.weight"].dtype == np.float32
    assert found.state["net.weight"].tolist() == [np.float16(0.1), -3.0]
    assert found.state["large"].tolist() == [1e6]
    assert found.state["stage"].dtype == np.int64
    assert found.card == {**MADE.card, "shipped": "float16", "packages": "torch 1"}
    assert load_shipped(tmp_path / "none.safetensors") is None


@pytest.fixture
def shipping(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fitting, "SHIPPED", tmp_path / "shipped")
    models = Models("tiny", "random")
    return Attackers(models, [open_dataset("synthetic:3")])


def test_a_run_takes_what_is_shipped_for_its_settings(shipping, tmp_path):
    cell = AttackCell(Pipeline(), ThreatModel(), "ridge")
    other = AttackCell(Pipeline(payload="int8"), ThreatModel(), "ridge")
    assert shipping.untrained([cell]) == [cell]
    shipping.get(cell)
    [(path, made)] = shipping.all_trained([cell])
    save_shipped(path, made, "torch 1")
    for file in (tmp_path / "cache" / "attackers").iterdir():
        file.unlink()
    again = Attackers(shipping.models, [open_dataset("synthetic:3")])
    assert again.untrained([cell, other]) == [other]
    assert np.allclose(
        again.get(cell).learned["matrix"], made.state["matrix"], rtol=1e-3, atol=1e-6
    )
    assert [card["shipped"] for card in again.cards([cell])] == ["float16"]
    foreign = Attackers(shipping.models, [open_dataset("synthetic:3@7")])
    assert foreign.untrained([cell]) == [cell]


def test_photos_that_another_library_decodes_otherwise_make_no_difference(shipping, monkeypatch):
    cell = AttackCell(Pipeline(), ThreatModel(), "ridge")
    shipping.get(cell)
    [(path, made)] = shipping.all_trained([cell])
    save_shipped(path, made, "torch 1")
    again = Attackers(shipping.models, [open_dataset("synthetic:3")])
    again.photos.contents["in-domain"] = "other last bits"
    assert again.untrained([cell]) == []


def test_each_attacker_that_is_shipped_is_found_by_the_preset_that_it_is_for():
    config = load_preset("quick")
    models = Models(config.model, config.checkpoint, config.adapted_checkpoint)
    attackers = Attackers(models, [open_dataset(spec) for spec in config.public])
    cells = [cell for cell in config.cells() if isinstance(cell, AttackCell)]
    shipped = [cell for cell in cells if attackers.ships(cell)]
    found = {attackers._shipped_file(*attackers._key(cell)) for cell in shipped}
    assert found == set(FOLDER.glob("*.safetensors")), (
        "the code of an attack, tiny or quick changed: run studies.upkeep.ship_attackers"
    )
