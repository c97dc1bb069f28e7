"""A trained attacker is read as it was written, or trained again."""

import numpy as np
import pytest

from bench.attackers import trained
from bench.attackers.trained import Trained

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
