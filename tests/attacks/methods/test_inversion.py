"""Inversions against known answers."""

import numpy as np
import pytest
import torch

from attacks import ATTACKS, Knowledge, PublicExample
from attacks.features.patches import from_patches, to_patches
from attacks.methods.inversion.linear import Ridge
from attacks.methods.inversion.window_decoders import ConvDecoder
from attacks.solvers.ridge import Moments, ridge
from framework import PedbenchError
from tests.attacks.conftest import psnr

pytestmark = pytest.mark.slow


def fit(name, knowledge, **settings):
    attack = ATTACKS.get(name)(seed=0, **settings)
    attack.fit(knowledge)
    return attack


def test_patches_go_there_and_back():
    image = np.random.default_rng(0).random((24, 40, 3)).astype(np.float32)
    assert np.array_equal(from_patches(to_patches(image, 8), 8), image)


@pytest.mark.parametrize("size", [(256, 192), (171, 256), (250, 256)])
def test_pseudo_inverse_recovers_visible_pixels(size, sam, observe):
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    attack = fit("pseudo_inverse", Knowledge(sam, ()))
    seen = observe(frame).restrict([0, 3])
    visible = seen.grid.pixel_mask(seen.visible)
    assert psnr(frame, attack.reconstruct(seen), visible) > 40


def test_pseudo_inverse_fills_with_the_colour_it_sees(sam, observe, target):
    attack = fit("pseudo_inverse", Knowledge(sam, ()))
    seen = observe(target).restrict([2])
    visible = seen.grid.pixel_mask(seen.visible)
    hidden = attack.reconstruct(seen)[~visible]
    assert (hidden == hidden[0]).all()
    assert np.abs(hidden[0] - target[visible].mean(axis=0)).max() < 2


def test_pixel_payloads_are_copied(knowledge, observe, target):
    seen = observe(target, payload="pixels").restrict([1])
    visible = seen.grid.pixel_mask(seen.visible)
    public = knowledge(payload="pixels")
    for name in ("pseudo_inverse", "ceiling", "push_pull", "ridge", "conv_decoder"):
        picture = fit(name, public).reconstruct(seen)
        assert np.array_equal(picture[visible], target[visible]), name


@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_ridge_beats_the_pseudo_inverse_under_noise(strength, knowledge, observe, target):
    public = knowledge(strength=strength)
    seen = observe(target, strength=strength)
    pictures = [fit(n, public).reconstruct(seen) for n in ("ridge", "pseudo_inverse")]
    learned, plain = (psnr(target, picture) for picture in pictures)
    assert learned > plain + 3


def test_ridge_is_exact_where_the_embedding_is(knowledge, observe, target):
    assert psnr(target, fit("ridge", knowledge()).reconstruct(observe(target))) > 50


def test_ridge_is_the_textbook_solution():
    """Against the normal equations written out, and a strength that suits the noise."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(6, 3))
    x = rng.normal(size=(400, 6)) + 2
    y = x @ truth + 5 + rng.normal(size=(400, 3))
    solution, error = ridge(Moments.of(x[:300], y[:300]), Moments.of(x[300:], y[300:]))
    design = np.c_[x, np.ones(400)]
    expected = np.linalg.lstsq(design, y, rcond=None)[0]
    assert np.allclose(solution.matrix, expected[:-1], atol=0.05)
    assert np.isclose(error, 1, atol=0.2)


def test_ridge_reads_later_stages(knowledge, observe, target):
    public = knowledge(plan="interleaved")
    later = [PublicExample(e.frame, e.observation.at_stages([4])) for e in public.public]
    attack = Ridge()
    attack.fit(Knowledge(public.sam, later))
    whole = observe(target, plan="interleaved")
    floor = fit("mean_colour", public).reconstruct(whole)
    assert psnr(target, attack.reconstruct(whole)) > psnr(target, floor) + 5
    with pytest.raises(PedbenchError, match="trained for stage 4"):
        attack.reconstruct(whole.at_stages([2]))


def test_conv_decoder_is_no_worse_than_ridge(knowledge, observe, target):
    public = knowledge(strength=1.0)
    seen = observe(target, strength=1.0)
    decoded = fit("conv_decoder", public, steps=60).reconstruct(seen)
    linear = fit("ridge", public).reconstruct(seen)
    assert psnr(target, decoded) > psnr(target, linear) - 0.5


def test_a_brief_decoder_is_a_decoder_of_a_quarter_of_the_steps(knowledge, observe, target):
    public = knowledge(strength=1.0)
    seen = observe(target, strength=1.0)
    assert ATTACKS.get("conv_decoder_brief")().steps * 4 == ConvDecoder().steps
    brief, whole = (
        fit(name, public, steps=3).reconstruct(seen)
        for name in ("conv_decoder_brief", "conv_decoder")
    )
    assert np.array_equal(brief, whole)


def test_conv_decoder_is_deterministic_and_leaves_the_global_seed_alone(knowledge):
    public = knowledge(strength=1.0)
    before = torch.random.get_rng_state()
    first, second = (fit("conv_decoder", public, steps=3).state() for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_conv_decoder_skips_what_ridge_solves(knowledge):
    assert "scale" not in fit("conv_decoder", knowledge()).state()
    assert "scale" in fit("conv_decoder", knowledge(strength=1.0), steps=1).state()


def test_what_is_missing_is_said(sam, knowledge, observe, target):
    with pytest.raises(PedbenchError, match="public photos"):
        Ridge().fit(Knowledge(sam, ()))
    with pytest.raises(PedbenchError, match="another payload"):
        fit("ridge", knowledge()).reconstruct(observe(target, payload="pixels"))
    with pytest.raises(PedbenchError, match="call fit"):
        ConvDecoder().reconstruct(observe(target))
