"""The control that hands an attack the windows of another photo."""

import numpy as np
import pytest

from attacks import ATTACKS, Knowledge
from attacks.controls.matching import control_of, prior_of
from tests.attacks.conftest import PUBLIC, photo

pytestmark = pytest.mark.slow

HELD = (0, 1)


@pytest.fixture(scope="module")
def one_donor(knowledge):
    """The twin of telea, and telea itself, with a single public photo to be handed."""

    def fit(**deployment):
        everything = knowledge(**deployment)
        mine = Knowledge(everything.sam, everything.public[:1])
        twin, attack = ATTACKS.get("telea_swapped")(), ATTACKS.get("telea")()
        twin.fit(mine)
        attack.fit(mine)
        return twin, attack, mine.public[0].observation

    return fit


@pytest.mark.parametrize("payload", ["float32", "pixels"])
def test_the_picture_is_what_the_attack_makes_of_the_donor(one_donor, observe, payload):
    twin, attack, donor = one_donor(payload=payload)
    assert donor.frame_size == photo(PUBLIC[0]).shape[:2]
    target = observe(photo(PUBLIC[0])[::-1].copy(), payload=payload).restrict(HELD)
    held = {message.window for message in target.messages}
    expected = attack.reconstruct(donor.keeping(m for m in donor.messages if m.window in held))
    assert np.array_equal(twin.reconstruct(target), expected)


def test_nothing_of_the_photo_gets_through(one_donor, observe):
    twin, _, _ = one_donor()
    shapes = photo("astronaut"), photo("astronaut")[:, ::-1].copy()
    first, second = (twin.reconstruct(observe(frame).restrict(HELD)) for frame in shapes)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("payload", ["float32", "int8", "pixels"])
def test_a_donor_of_another_shape_is_cut_to_the_windows(one_donor, observe, payload):
    twin, _, donor = one_donor(payload=payload)
    target = observe(photo("astronaut"), payload=payload)
    assert target.frame_size != donor.frame_size
    assert twin.reconstruct(target.restrict(HELD)).shape == (*target.frame_size, 3)


def test_donors_come_back_with_the_state(one_donor, observe, target):
    twin, _, _ = one_donor()
    copy = ATTACKS.get("telea_swapped")()
    copy.load_state(twin.state())
    seen = observe(target).restrict(HELD)
    assert np.array_equal(copy.reconstruct(seen), twin.reconstruct(seen))


def test_donors_differ_from_photo_to_photo(fitted, observe, target):
    twin = fitted["kriging_swapped"]
    pictures = {
        twin.reconstruct(observe(np.roll(target, step, axis=1)).restrict(HELD)).tobytes()
        for step in range(8)
    }
    assert len(pictures) == 2


def test_every_attack_that_fills_or_inverts_has_a_control():
    without = {"moment_matching"}
    for name, attack in ATTACKS.items():
        if attack.kind in ("inpainting", "inversion") and name not in without:
            assert control_of(name), name


def test_a_control_is_the_attacks_own_twin_before_that_of_what_it_builds_on():
    assert control_of("optimise") == "optimise_swapped"
    assert prior_of("optimise") is None
    assert control_of("transformer_decoder") == "transformer_decoder_prior"
    assert control_of("gated_inpainting_lpips") == "gated_inpainting_lpips_swapped"
    assert control_of("telea_swapped") is None
    assert control_of("of another package") is None
