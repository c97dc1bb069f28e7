"""Windows without their positions."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from attacks import Knowledge
from attacks.features.public_examples import observe
from attacks.solvers.puzzle import PositionPredictor, assemble, dissimilarity
from attacks.solvers.puzzle.positions import assigned
from framework import PedbenchError
from tests.attacks.conftest import PUBLIC, photo
from tests.attacks.toy import example, fit, toy

SHAPE = (4, 4)


def cells_of(name, side=48):
    image = photo(name)[:192, :192]
    rows = [image[y : y + side] for y in range(0, 192, side)]
    return [row[:, x : x + side] for row in rows for x in range(0, 192, side)]


def neighbours(cells):
    """Which pieces stand side by side or one above the other, given the cell of each."""
    piece = {int(cell): index for index, cell in enumerate(cells)}
    right = {("right", i, piece.get(c + 1)) for c, i in piece.items() if (c + 1) % SHAPE[1]}
    below = {("below", i, piece.get(c + SHAPE[1])) for c, i in piece.items()}
    return {pair for pair in right | below if pair[2] is not None}


def kept(placed, truth):
    """Share of the true neighbours that are neighbours as placed."""
    return len(neighbours(placed) & neighbours(truth)) / len(neighbours(truth))


def test_true_neighbours_fit_best():
    costs = dissimilarity(cells_of("astronaut"))
    right = [costs[0, i].argmin() == i + 1 for i in range(16) if i % 4 != 3]
    below = [costs[1, i].argmin() == i + 4 for i in range(12)]
    assert np.mean(right + below) > 0.8
    assert np.isinf(np.diagonal(costs, axis1=1, axis2=2)).all()


@pytest.mark.parametrize("name", ["astronaut", "chelsea"])
@pytest.mark.slow
def test_a_complete_set_is_put_together(name):
    pieces = cells_of(name)
    order = np.random.default_rng(0).permutation(16)
    placed = assemble([pieces[i] for i in order], SHAPE)
    assert kept(placed, order) > 0.9
    assert np.mean(placed == order) > 0.9
    assert np.array_equal(placed, assemble([pieces[i] for i in order], SHAPE))


@pytest.mark.slow
def test_few_windows_find_their_neighbours():
    """Half of the windows: their place on the grid is open, their neighbourhood is not."""
    pieces, held = cells_of("astronaut"), [1, 2, 5, 6, 10, 11, 14, 15]
    placed = assemble([pieces[i] for i in held], SHAPE)
    assert len(set(placed)) == len(held)
    assert kept(placed, held) > 0.5


def test_edges_of_different_length_do_not_meet():
    pieces = [np.zeros((4, 6, 3)), np.zeros((4, 3, 3)), np.zeros((2, 6, 3))]
    costs = dissimilarity(pieces)
    assert np.isfinite(costs[0, 0, 1])
    assert np.isinf(costs[1, 0, 1])
    assert np.isinf(costs[0, 0, 2])
    assert np.isfinite(costs[1, 0, 2])


def test_too_many_windows_are_refused():
    with pytest.raises(PedbenchError, match="larger grid"):
        assemble([np.zeros((2, 2, 3))] * 5, (2, 2))
    with pytest.raises(PedbenchError, match="call fit"):
        PositionPredictor(9).scores([np.zeros((3, 3, 96), dtype=np.float32)])
    assert len(assemble([], (2, 2))) == 0


@cache
def observed(name, payload, flip=0):
    """A photo of the toy's, as it is or mirrored in one of three ways."""
    frame = example(name).frame[:: 1 - 2 * (flip // 2), :: 1 - 2 * (flip % 2)]
    return observe(toy(), np.ascontiguousarray(frame), "prefix", payload)


def public(payload):
    return [observed(name, payload, flip) for name in PUBLIC for flip in range(4)]


def test_tokens_tell_where_they_stand():
    """Of a photo that the predictor has not seen, windows are put in their own cells."""
    predictor = PositionPredictor(9)
    predictor.fit([one.observation.tokens(0) for one in public("float32")])
    tokens = observed("astronaut", "float32").observation.tokens(0)
    order = np.random.default_rng(0).permutation(9)
    windows = [tokens[i] for i in order]
    placed = assigned(predictor.scores(windows))
    assert sorted(placed) == list(range(9))
    assert np.mean(placed == order) > 0.8
    twin = PositionPredictor(9, predictor.learned)
    assert np.array_equal(twin.scores(windows), predictor.scores(windows))


@pytest.mark.parametrize("payload", ["float32", "pixels"])
@pytest.mark.slow
def test_hidden_positions_are_found_again(payload):
    """Most of a photo comes back from windows that bear a label in place of their index."""
    attack = fit("jigsaw", Knowledge(toy(), public(payload)))
    whole = observed("astronaut", payload).observation
    labels = 9 + np.random.default_rng(0).permutation(9)
    renamed = [replace(m, window=int(labels[m.window])) for m in whole.messages]
    hidden = replace(whole, messages=tuple(sorted(renamed, key=lambda m: m.window)))
    places = {m.window: labels.tolist().index(m.window) for m in hidden.messages}
    placed = attack.placed(hidden)
    right = [
        found.window == places[m.window]
        for found, m in zip(placed.messages, hidden.messages, strict=True)
    ]
    assert np.mean(right) > 0.6
    assert attack.reconstruct(hidden).shape == attack.reconstruct(whole).shape
