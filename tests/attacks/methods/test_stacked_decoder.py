"""The stacked decoder: guesses of what is hidden, mixed by what they missed elsewhere."""

import numpy as np
import pytest

from attacks.controls.matching import control_of, prior_of
from attacks.features.completion import shrunk
from attacks.methods.inversion.stacked_decoder import (
    DISTANCES,
    GUESSES,
    JOINT,
    SHARES,
    alone,
    kinds_of_place,
)
from attacks.solvers.stacking import Missed, stack
from tests.attacks.toy import fit, knowledge, seen

KINDS = len(DISTANCES) * len(SHARES) + 1


@pytest.fixture(scope="module")
def stacked():
    return fit(
        "stacked_decoder", knowledge("chelsea", "rocket", "coins", "retina"), steps=1, coalitions=4
    )


def test_weights_of_each_kind_of_place_are_shares(stacked):
    weights = stacked.recall("weights")
    assert weights.shape == (KINDS, GUESSES)
    assert weights.min() >= 0
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_with_all_weight_on_one_guess_it_is_that_guess(stacked):
    target = seen("chelsea")
    canvas = stacked._canvas(target)
    guesses = stacked._guesses(target, canvas, stacked.whole.reconstruct(target))
    size, hidden = shrunk(canvas).known.shape, ~canvas.known
    assert guesses.shape == (*size, 3, GUESSES)
    learned = stacked.learned
    try:
        for guess in range(GUESSES):
            stacked.learned = learned | {"weights": np.tile(np.eye(GUESSES)[guess], (KINDS, 1))}
            picture = stacked.reconstruct(target).astype(float)
            assert (
                np.abs(
                    picture[hidden].mean(0) - guesses[~shrunk(canvas).known][..., guess].mean(0)
                ).max()
                < 6
            )
    finally:
        stacked.learned = learned


def test_known_pixels_stay_and_padding_alone_gives_a_picture(stacked):
    target = seen("chelsea")
    known = target.grid.pixel_mask(target.visible)
    assert np.array_equal(
        stacked.reconstruct(target)[known],
        stacked._canvas(target).completed(np.zeros(3, np.float32))[known],
    )
    padding = [w.index for w in target.grid.windows if not w.has_content]
    assert stacked.reconstruct(seen("chelsea", padding)).shape == (*target.frame_size, 3)


def test_kinds_of_place_are_shares_that_move_with_distance():
    known = np.zeros((64, 48), dtype=bool)
    known[:, :12] = True
    shares = kinds_of_place(known)
    assert shares.shape == (64, 48, KINDS)
    assert np.allclose(shares.sum(axis=2), 1, atol=1e-5)
    near, far = (shares[30, column].reshape(-1)[:-1].reshape(4, 4).sum(1) for column in (13, 47))
    assert near.argmax() == 0
    assert far.argmax() == 3
    assert kinds_of_place(np.zeros((8, 8), dtype=bool))[..., -1].all()


def noisy(rng, spread):
    """An example whose guesses err by independent noise of these deviations."""
    errors = rng.normal(size=(50, 3, len(spread))) * spread
    return Missed.of(errors, np.ones((50, 1)))


def test_independent_guesses_are_mixed_by_the_inverse_of_their_variance():
    rng = np.random.default_rng(0)
    weights = stack([noisy(rng, [1.0, 2.0, 2.0]) for _ in range(200)])
    assert weights == pytest.approx(np.array([[2 / 3, 1 / 6, 1 / 6]]), abs=0.03)


def test_where_nothing_helps_the_best_guess_stands_alone():
    rng = np.random.default_rng(0)

    def worse(n):
        base = rng.normal(size=(n, 3, 1))
        return np.concatenate([base, 2 * base + 0.1 * rng.normal(size=(n, 3, 1))], axis=2)

    weights = stack([Missed.of(worse(50), np.ones((50, 1))) for _ in range(20)])
    assert weights == pytest.approx(np.array([[1.0, 0.0]]), abs=1e-3)
    assert stack([alone(JOINT)])[:, JOINT] == pytest.approx(np.ones(KINDS))


def test_each_kind_of_place_has_its_own_best_guess():
    rng = np.random.default_rng(0)
    examples = []
    for _ in range(50):
        errors = rng.normal(size=(40, 3, 2))
        errors[:20, :, 0] *= 5
        errors[20:, :, 1] *= 5
        examples.append(Missed.of(errors, np.repeat(np.eye(2), 20, axis=0)))
    weights = stack(examples)
    assert weights[0, 1] > 0.9
    assert weights[1, 0] > 0.9


def test_its_controls_are_its_own():
    assert prior_of("stacked_decoder_round1") == "stacked_decoder_prior"
    assert prior_of("stacked_decoder") == "stacked_decoder_prior"
    assert control_of("stacked_decoder") == "stacked_decoder_prior"
