"""Descent through known weights."""

import numpy as np
import pytest
import torch

from attacks import ATTACKS, Knowledge
from attacks.features.token_maps import square
from attacks.solvers.forward import Forward, encoder_state
from framework import PedbenchError
from tests.attacks.conftest import psnr
from tests.attacks.toy import example, fit, knowledge, seen, toy


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_forward_gives_the_tokens_that_were_sent(stage):
    frame, observation = example("chelsea").frame, example("chelsea").observation
    forward = Forward(encoder_state(toy(), "interleaved", stage), observation.grid)
    assert forward.local == (stage < 2)
    windows = [1, 3]
    found = forward(square(frame, 64)[0], windows)
    for message in observation.messages:
        if message.window not in windows:
            continue
        sent = {message.stage: message.sent, message.stage + 1: message.returned}
        if stage in sent:
            part = found[windows.index(message.window)]
            assert np.allclose(part.numpy(), sent[stage].decode(), atol=1e-4)


def test_descent_improves_on_ridge_behind_blocks():
    known = knowledge(stages=[2])
    target, truth = seen("chelsea"), example("chelsea").frame
    visible = target.grid.pixel_mask(target.visible)
    linear = fit("ridge", known).reconstruct(target)
    attack = fit("optimise", known, steps=1)
    attack.learned |= {"steps": np.array([20]), "weight": np.array([1e-3])}
    assert psnr(truth, attack.reconstruct(target), visible) > psnr(truth, linear, visible)


def test_descent_leaves_what_ridge_solves_alone():
    attack = fit("optimise", knowledge(stages=[0]), steps=2)
    attack.learned["weight"] = np.array([-1.0])
    target = seen("chelsea")
    linear = fit("ridge", knowledge(stages=[0])).reconstruct(target)
    assert np.array_equal(attack.reconstruct(target), linear)


@pytest.mark.slow
def test_the_generator_fits_its_tokens():
    known, target = knowledge(stages=[0]), seen("chelsea")
    truth, visible = example("chelsea").frame, target.grid.pixel_mask(target.visible)
    few, many = (
        fit("deep_image_prior", known, steps=steps).reconstruct(target) for steps in (1, 40)
    )
    assert psnr(truth, many, visible) > psnr(truth, few, visible) + 3


@pytest.mark.parametrize("name", ["optimise", "deep_image_prior"])
def test_the_state_holds_the_weights(name):
    known, target = knowledge(stages=[0]), seen("rocket")
    before = torch.random.get_rng_state()
    attack = fit(name, known, steps=2)
    twin = ATTACKS.get(name)()
    twin.load_state(attack.state())
    assert np.array_equal(attack.reconstruct(target), twin.reconstruct(target))
    assert torch.equal(before, torch.random.get_rng_state())


def test_secret_weights_are_refused():
    with pytest.raises(PedbenchError, match="give it the model"):
        fit("optimise", Knowledge(None, knowledge().public))
