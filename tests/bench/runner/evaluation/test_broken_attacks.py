"""Attacks that raise or return something else are failed records; the others go on."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from attacks import ATTACKS, Attack
from bench.runner.run import run
from bench.spec.config import load_preset
from framework.errors import PedbenchError

PRESET = """
model: toy
checkpoint: random
data: synthetic:1
public: ["synthetic:1@1"]
seeds: [0]
groups:
  - policy: random
    coalitions: {4: [1]}
    attacks: [all]
"""


SOUND = ("mean_colour", "pseudo_inverse", "push_pull")


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


class NoState(Fine):
    def fit(self, knowledge):
        pass

    def state(self):
        return [1.0]


class Forgets(Fine):
    def fit(self, knowledge):
        self.grey = 200


class HalfForgets(Fine):
    grey = 0

    def fit(self, knowledge):
        self.learned = {"photos": np.array(len(knowledge.public))}
        self.grey = 200

    def reconstruct(self, observation):
        return np.full((*observation.frame_size, 3), self.grey, np.uint8)


class LacksFile(Fine):
    @classmethod
    def user_files(cls):
        return [Path("missing.pt")]

    def reconstruct(self, observation):
        return np.frombuffer(Path("missing.pt").read_bytes(), np.uint8)


class Exits(Fine):
    def reconstruct(self, observation):
        sys.exit(0)


class Meddles(Fine):
    def reconstruct(self, observation):
        for message in observation.messages:
            message.sent.data[:] = 0
        return super().reconstruct(observation)


class MeddlesInFit(Fine):
    def fit(self, knowledge):
        for example in knowledge.public:
            example.frame[:] = 0


BROKEN = {
    "raises_made": (RaisesMade, "ValueError: made"),
    "raises_fit": (RaisesFit, "KeyError: 'fit'"),
    "raises": (Raises, "IndexError: rebuilt"),
    "wrong_shape": (WrongShape, "returns uint8 [2, 2, 3]"),
    "wrong_state": (WrongState, "AttributeError: "),
    "no_state": (NoState, "has a state that cannot be kept"),
    "forgets": (Forgets, "keeps nothing of what fit learned"),
    "lacks_file": (LacksFile, "FileNotFoundError: "),
    "exits": (Exits, "SystemExit: 0"),
    "a_meddler": (Meddles, "read-only"),
    "a_meddler_in_fit": (MeddlesInFit, "read-only"),
}


def records_with(broken, folder):
    """Of a run of sound attacks and of broken ones."""
    (folder / "mine.yaml").write_text(PRESET)
    sound = {name: ATTACKS.get(name) for name in SOUND}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(folder / "cache"))
        patch.setattr(ATTACKS, "_parts", sound | {n: attack for n, (attack, _) in broken.items()})
        for name, (attack, _) in broken.items():
            patch.setattr(attack, "name", name)
        config = load_preset(str(folder / "mine.yaml"))
        return run(config, folder / "run", device="cpu", workers=1).records


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return records_with(BROKEN, tmp_path_factory.mktemp("broken"))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_attack_is_a_failed_record_with_file_and_line(records, name):
    rows = records[records["attack"] == name]
    assert list(rows["status"]) == ["failed"]
    error = rows["error"].iloc[0]
    assert BROKEN[name][1] in error
    assert "(evaluation/test_broken_attacks.py, line " in error or name == "wrong_state"


def test_the_others_go_on(records):
    assert "ok" in set(records.loc[records["attack"] == "mean_colour", "status"])


def test_an_attack_that_writes_into_what_it_gets_changes_no_other(records, tmp_path):
    keys = ["attack", "region", "metric"]
    alone, beside = (
        each[each["attack"].isin(SOUND)].set_index(keys)["value"].dropna().to_dict()
        for each in (records_with({}, tmp_path), records)
    )
    assert len(alone) > len(SOUND)
    assert alone == beside


def test_what_is_not_in_the_state_is_gone_in_the_process_that_fitted_too(tmp_path):
    records = records_with({"half": (HalfForgets, ""), "black": (Fine, "")}, tmp_path)
    half, black = (
        records[records["attack"] == name].set_index(["region", "metric"])["value"].dropna()
        for name in ("half", "black")
    )
    assert half.to_dict() == black.to_dict()


def test_an_attack_that_needs_what_there_is_not_is_no_attack():
    with pytest.raises(
        PedbenchError, match=r"Wishes needs 'everything': known are a substitute model, "
    ):

        class Wishes(Fine):
            needs = frozenset({"everything"})


def test_an_attack_that_cannot_be_fitted_is_tried_once(records):
    assert RaisesFit.fits == 1
