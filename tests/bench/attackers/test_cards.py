"""Cards of trained attackers: written where they train, kept by runs, shown in the report."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bench.attackers import trained
from bench.attackers.cards import CARDS, keep, read_cards
from bench.report.base import TABLES
from bench.report.contents import drawings_of
from bench.report.data import RunData
from bench.report.topics.attackers.training import above_best, trainings
from bench.runner.run import run
from bench.spec.config import load_preset
from framework.files.cache import cache_dir

PRESET = """
model: toy
checkpoint: random
data: synthetic:1
public: ["synthetic:3@1"]
seeds: [0, 1]
groups:
  - policy: random
    coalitions: {4: [1]}
    defence: noise_only
    strength: 1.0
    attacks: [mean_colour, ridge, conv_decoder]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(folder / "cache"))
        patch.setattr("attacks.methods.inversion.window_decoders.EPOCHS", 1)
        (folder / "small.yaml").write_text(PRESET)
        config = load_preset(str(folder / "small.yaml"))
        run(config, folder / "run", device="cpu", workers=1)
        beside = [
            trained.load(path).card for path in (cache_dir() / "attackers").glob("*.safetensors")
        ]
    return RunData.read(folder / "run"), beside


def test_a_run_keeps_the_cards_of_its_attackers(finished):
    data, beside = finished
    cards = {(card["attack"], card["seed"]): card for card in data.attackers}
    assert set(cards) == {("ridge", 0), ("conv_decoder", 0), ("conv_decoder", 1)}
    assert all(card in beside for card in cards.values())
    card = cards["conv_decoder", 1]
    assert card["photos"] == 3
    assert card["data"] == ["synthetic:3@1"]
    assert card["seconds"] > 0
    assert card["device"].startswith("cpu: ")
    assert (card["defence"], card["strength"]) == ("noise_only", 1.0)
    assert card["curve"][-1][0] >= 1
    assert cards["ridge", 0]["curve"] is None


def test_cards_that_are_already_there_stay(finished, tmp_path):
    first, second = finished[0].attackers[:2]
    keep(tmp_path, [first])
    keep(tmp_path, [second])
    keep(tmp_path, [replace_seconds(first)])
    found = {(card["attack"], card["seed"]): card["seconds"] for card in read_cards(tmp_path)}
    assert found[first["attack"], first["seed"]] == -1
    assert len(found) == 2


def replace_seconds(card):
    return card | {"seconds": -1}


def test_damaged_cards_are_none(tmp_path):
    (tmp_path / CARDS).write_text("{")
    assert read_cards(tmp_path) == []


def test_the_table_averages_seeds(finished):
    frame = TABLES.get("training")().build(finished[0]).frame.set_index("attack")
    assert frame.loc["conv_decoder", "seeds"] == 2
    assert frame.loc["conv_decoder", "photos"] == 3
    assert np.isnan(frame.loc["ridge", "steps"])


def test_near_is_where_the_error_stays_near_its_best(finished, tmp_path):
    curve = [[10, 1, 1.0], [20, 1, 2.0], [30, 1, 1.1], [40, 1, 1.0]]
    card = finished[0].attackers[0] | {"curve": curve}
    (tmp_path / CARDS).write_text(json.dumps([card]))
    data = replace(finished[0], folder=tmp_path)
    row = trainings(data).iloc[0]
    assert (row["steps"], row["near"]) == (40, 30)
    assert np.allclose(above_best(curve)[1][[0, 3]], 0)


def test_the_usual_attackers_curves_are_drawn(finished, tmp_path):
    def training(cards):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / CARDS).write_text(json.dumps(cards))
        data = replace(finished[0], folder=folder)
        return next(d for d in drawings_of(data) if d.plot.name == "training").light

    noisy = next(card for card in finished[0].attackers if card["curve"])
    assert training([noisy]) is None
    assert training([noisy | {"defence": "none"}]) is not None
    assert training([noisy | {"defence": "none", "payload": "int8"}]) is None
