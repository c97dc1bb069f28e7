"""What every registered attack owes, whatever it does."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from attacks import ATTACKS, Attack
from attacks.base import CAPABILITIES
from framework import Observation
from tests.attacks.conftest import FILES, QUICK

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
KINDS = {
    "mean_colour": "floor",
    "dataset_mean": "floor",
    "nearest_public": "floor",
    "ceiling": "ceiling",
    "telea": "inpainting",
    "navier_stokes": "inpainting",
    "biharmonic": "inpainting",
    "push_pull": "inpainting",
    "kriging": "inpainting",
    "gated_inpainting": "inpainting",
    "gated_inpainting_lpips": "inpainting",
    "mae_inpainting": "inpainting",
    "mae_checkpoint": "inpainting",
    "lama": "inpainting",
    "flow_inpainting": "inpainting",
    "flow_inpainting_mean": "inpainting",
    "latent_diffusion": "inpainting",
    "flow_inversion": "inversion",
    "flow_inpainting_swapped": "floor",
    "flow_inversion_swapped": "floor",
    "pseudo_inverse": "inversion",
    "ridge": "inversion",
    "ridge_unshuffled": "inversion",
    "conv_decoder_unshuffled": "inversion",
    "conv_decoder_brief": "inversion",
    "conv_decoder_brief_unshuffled": "inversion",
    "jigsaw": "inversion",
    "conv_decoder": "inversion",
    "transformer_decoder": "inversion",
    "whole_image_decoder": "inversion",
    "whole_image_decoder_round1": "inversion",
    "joint_decoder": "inversion",
    "joint_decoder_round1": "inversion",
    "joint_decoder_lpips": "inversion",
    "stacked_decoder": "inversion",
    "stacked_decoder_round1": "inversion",
    "substitute_ridge": "inversion",
    "substitute_decoder": "inversion",
    "aligned_decoder": "inversion",
    "mmd_aligned_decoder": "inversion",
    "adversarial_aligned_decoder": "inversion",
    "moment_matching": "inversion",
    "optimise": "inversion",
    "deep_image_prior": "inversion",
    "ridge_prior": "floor",
    "conv_decoder_prior": "floor",
    "transformer_decoder_prior": "floor",
    "whole_image_prior": "floor",
    "joint_decoder_prior": "floor",
    "joint_decoder_swapped": "floor",
    "stacked_decoder_prior": "floor",
    "joint_decoder_lpips_swapped": "floor",
    "telea_swapped": "floor",
    "gated_inpainting_lpips_swapped": "floor",
    "optimise_swapped": "floor",
}
NAMES = [name for name in ATTACKS.names() if name not in FILES]
every_attack = pytest.mark.parametrize("name", NAMES)


def test_the_built_in_attacks_are_registered():
    assert {name: part.kind for name, part in ATTACKS.items()}.items() >= KINDS.items()


@every_attack
def test_an_attack_describes_itself(name):
    attack = ATTACKS.get(name)
    assert attack.name == name
    assert attack.summary
    assert "\n" not in attack.summary
    assert attack.needs <= CAPABILITIES


@every_attack
def test_an_attack_gets_an_observation_and_nothing_else(name):
    """No argument could carry the truth, and the constructor takes only plain settings."""
    attack = ATTACKS.get(name)
    assert list(inspect.signature(attack.reconstruct).parameters) == ["self", "observation"]
    hints = inspect.get_annotations(attack.reconstruct, eval_str=True)
    assert hints["observation"] is Observation
    for setting in list(inspect.signature(attack).parameters.values()):
        assert isinstance(setting.default, int)


def test_an_observation_holds_no_truth(observe, target):
    """Restricted to some shards, its bytes hold none of the other windows' tokens."""
    whole = observe(target)
    part = whole.restrict([0])
    blob = part.to_bytes()
    for message in whole.messages:
        assert (message.sent.data.tobytes() in blob) == (message.shard == 0)


@every_attack
@pytest.mark.parametrize("shards", [(), (0,), (1, 2), (0, 1, 2, 3)])
def test_any_coalition_yields_a_whole_picture(name, shards, fitted, observe, target):
    picture = fitted[name].reconstruct(observe(target).restrict(shards))
    assert picture.dtype == np.uint8
    assert picture.shape == target.shape


@every_attack
@pytest.mark.parametrize("payload", ["pixels", "float32"])
def test_hidden_pixels_change_nothing(name, payload, fitted, knowledge, observe, target):
    attack = fitted[name]
    if payload == "pixels":
        attack = ATTACKS.get(name)(**QUICK.get(name, {}))
        attack.fit(knowledge(payload="pixels"))
    seen = observe(target, payload=payload).restrict([0, 2])
    hidden = ~seen.grid.pixel_mask(seen.visible)
    other = target.copy()
    other[hidden] = 255 - other[hidden]
    changed = observe(other, payload=payload).restrict([0, 2])
    assert np.array_equal(attack.reconstruct(seen), attack.reconstruct(changed))


@pytest.fixture(scope="module")
def elsewhere(fitted, observe, target, tmp_path_factory):
    """All attacks, run by processes that have an observation file and a state file."""
    folder = tmp_path_factory.mktemp("elsewhere")
    seen = observe(target).restrict([1])
    (folder / "seen.bin").write_bytes(seen.to_bytes())
    calls = []
    for name in NAMES:
        save_file(fitted[name].state(), folder / f"{name}.safetensors")
        calls.append([name, "seen.bin", f"{name}.png", "--state", f"{name}.safetensors"])
    script = "import sys\nfrom attacks.run import main\n"
    script += "\n".join(f"assert main({call!r}) == 0" for call in calls)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", script], check=True, cwd=folder, env=environment)
    return seen, folder


@every_attack
def test_another_process_sees_the_same(name, elsewhere, fitted):
    seen, folder = elsewhere
    picture = np.asarray(Image.open(folder / f"{name}.png"))
    assert np.array_equal(picture, fitted[name].reconstruct(seen))


@pytest.mark.parametrize("name", [n for n in ATTACKS.names() if n not in FILES | QUICK.keys()])
def test_training_is_deterministic(name, fitted, knowledge):
    again = ATTACKS.get(name)(seed=1)
    again.fit(knowledge(strength=0.2))
    state = again.state()
    assert state.keys() == fitted[name].state().keys()
    assert all(np.array_equal(state[key], fitted[name].state()[key]) for key in state)


def test_attack_is_abstract():
    with pytest.raises(TypeError):
        Attack()
