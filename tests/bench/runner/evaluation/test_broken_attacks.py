"""Attacks that raise or return something else are failed records; the others go on."""

from __future__ import annotations

import numpy as np
import pytest

from attacks import ATTACKS, Attack
from bench.runner.run import run
from bench.spec.config import load_preset

PRESET = """
model: toy
checkpoint: random
data: synthetic:1
public: ["synthetic:1@1"]
seeds: [0]
groups:
  - policy: random
    coalitions: {4: [1]}
    attacks: [mean_colour, raises_made, raises_fit, raises, wrong_shape, wrong_state]
"""


class Fine(Attack):
    kind = "inversion"
    summary = "black"
    fits = 0

    def reconstruct(self, observation):
        return np.zeros((*observation.frame_size, 3), np.uint8)


class RaisesMade(Fine):
    def __init__(self, seed=0):
        raise ValueError("made")


class RaisesFit(Fine):
    def fit(self, knowledge):
        RaisesFit.fits += 1
        raise KeyError("fit")


class Raises(Fine):
    def reconstruct(self, observation):
        raise IndexError("rebuilt")


class WrongShape(Fine):
    def reconstruct(self, observation):
        return np.zeros((2, 2, 3), np.uint8)


class WrongState(Fine):
    def fit(self, knowledge):
        self.learned = None


BROKEN = {
    "raises_made": (RaisesMade, "ValueError: made"),
    "raises_fit": (RaisesFit, "KeyError: 'fit'"),
    "raises": (Raises, "IndexError: rebuilt"),
    "wrong_shape": (WrongShape, "returns uint8 [2, 2, 3]"),
    "wrong_state": (WrongState, "AttributeError: "),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "mine.yaml").write_text(PRESET)
    ATTACKS.names()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(folder / "cache"))
        for name, (attack, _) in BROKEN.items():
            patch.setitem(ATTACKS._parts, name, attack)
            patch.setattr(attack, "name", name)
        config = load_preset(str(folder / "mine.yaml"))
        return run(config, folder / "run", device="cpu", workers=1).records


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_attack_is_a_failed_record_with_file_and_line(records, name):
    rows = records[records["attack"] == name]
    assert list(rows["status"]) == ["failed"]
    error = rows["error"].iloc[0]
    assert BROKEN[name][1] in error
    assert "(evaluation/test_broken_attacks.py, line " in error or name == "wrong_state"


def test_the_others_go_on(records):
    assert "ok" in set(records.loc[records["attack"] == "mean_colour", "status"])


def test_an_attack_that_cannot_be_fitted_is_tried_once(records):
    assert RaisesFit.fits == 1
