"""A trained attacker is read as it was written, or trained again."""

import numpy as np
import pytest

from attacks.threat_models.base import ThreatModel
from bench.attackers import trained
from bench.attackers.fitting import Attackers
from bench.attackers.trained import Trained
from bench.datasets import open_dataset
from bench.runner.models import Models
from bench.spec.cells import AttackCell, Pipeline
from framework.split.defences import make_defence

MADE = Trained(
    {"curve": np.arange(6, dtype=np.float32).reshape(2, 3), "mean": np.zeros(2)},
    {"attack": "ridge", "seconds": 0.5},
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "attackers" / "ridge-0.safetensors"
    trained.save(path, MADE)
    return path


def test_state_and_card_come_back(path):
    found = trained.load(path)
    assert found.card == MADE.card
    assert {name: array.tolist() for name, array in found.state.items()} == {
        name: array.tolist() for name, array in MADE.state.items()
    }
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_flipped_byte_anywhere_never_changes_what_is_read(path, capsys):
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        found = trained.load(path)
        if found is not None:
            assert found.card == MADE.card
            assert all((found.state[name] == MADE.state[name]).all() for name in MADE.state)
        else:
            assert not path.exists()
            assert "is damaged: it is trained again" in capsys.readouterr().err


def test_a_cut_or_missing_file_is_none(path):
    for length in (0, 7, 40, path.stat().st_size - 1):
        trained.save(path, MADE)
        path.write_bytes(path.read_bytes()[:length])
        assert trained.load(path) is None
    assert trained.load(path) is None


@pytest.mark.slow
def test_an_attacker_of_a_defence_that_was_trained_again_is_another(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path))
    attackers = Attackers(Models("toy", "random"), [open_dataset("synthetic:3")])
    cell = AttackCell(Pipeline(defence="hide_layout", strength=2.0), ThreatModel(), "ridge")
    path = make_defence("hide_layout", 2).path(attackers.models.sam, "interleaved")
    path.parent.mkdir(parents=True)
    files = []
    for seed in (0, 1):
        path.write_bytes(bytes([seed]))
        files.append(attackers.file_of(cell))
    assert files[0] != files[1]
