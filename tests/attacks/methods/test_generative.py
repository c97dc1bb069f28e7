"""The generative prior: its flow, its draws, and the inversion that it guides."""

import json

import numpy as np
import pytest
import torch

from attacks import ATTACKS, Knowledge
from attacks.features.canvas import Canvas
from attacks.features.flow_input import INSIDE, KNOWN, context, grey_levels, normal, untold
from attacks.features.flow_prior import PHOTOS, SHA256, FlowPrior, prior_weights
from attacks.methods.generative.flow_inpainting import draw_seed
from attacks.methods.generative.flow_inversion import guided
from attacks.networks.flow import CONTEXT, MULTIPLE, FlowNetwork
from attacks.networks.shipped import FOLDER, read_photos, shipped
from attacks.solvers.descent import Target
from attacks.solvers.flow import cleaned, drawn
from attacks.solvers.forward import Forward, encoder_state
from framework.files.download import sha256_of
from tests.attacks.conftest import photo
from tests.attacks.toy import fit, knowledge, seen, toy


def half(height=64, width=64):
    """A piece of a photo, its left half known."""
    pixels = photo("chelsea")[:height, :width].astype(np.float32)
    known = np.zeros((height, width), dtype=bool)
    known[:, : width // 2] = True
    return Canvas(np.where(known[..., None], pixels, np.float32(0)), known)


def few(name="flow_inpainting", **settings):
    attack = ATTACKS.get(name)(steps=2, **settings)
    attack.fit(Knowledge(None, ()))
    return attack


def test_the_untrained_network_moves_nothing_and_takes_any_multiple():
    noisy, told = torch.randn(2, 3, MULTIPLE, 3 * MULTIPLE), torch.rand(2, CONTEXT, 32, 96)
    assert torch.equal(FlowNetwork()(noisy, torch.rand(2), told), torch.zeros_like(noisy))


def test_the_network_is_told_the_time_and_the_context():
    torch.manual_seed(0)
    network = FlowNetwork().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    noisy, told, time = torch.randn(1, 3, 32, 32), torch.rand(1, CONTEXT, 32, 32), torch.rand(1)
    with torch.inference_mode():
        first = network(noisy, time, told)
        assert not torch.equal(first, network(noisy, 1 - time, told))
        assert not torch.equal(first, network(noisy, time, 1 - told))


def test_a_picture_comes_back_from_the_networks_units():
    picture = photo("chelsea")[:50, :70].astype(np.float32)
    values = normal(picture)
    assert values.shape == (1, 3, 64, 96)
    assert not values[..., 50:, :].any()
    assert np.allclose(grey_levels(values, (50, 70)), picture, atol=1e-3)


def test_what_is_untold_is_the_frame_alone():
    told = context(half(50, 70).pixels, half(50, 70).known)
    assert told.shape[1] == CONTEXT
    assert told[0, INSIDE].sum() == 50 * 70
    assert told[0, KNOWN].sum() == 50 * 35
    blind = untold(told)
    assert not blind[:, : INSIDE.start].any()
    assert torch.equal(blind[:, INSIDE.start :], told[:, INSIDE.start :])
    assert told[:, : INSIDE.start].any()


def towards(goal):
    """The velocity of the flow whose every draw is ``goal``."""
    return lambda noisy, time: (noisy - goal) / time[:, None, None, None]


def test_a_draw_is_what_the_flow_leads_to_and_leaves_alone_what_is_known():
    goal = torch.randn(1, 3, 8, 8)
    free = (torch.arange(8) < 4).float().expand(1, 1, 8, 8)
    found = drawn(towards(goal), free, 2, 4, 0)
    assert torch.allclose(found, (goal * free).expand(2, -1, -1, -1), atol=1e-5)


def test_what_is_known_is_put_back_in_every_step():
    """Where the guess is exact the flow sees noise of the step's time, around 0."""
    shown = []

    def velocity(noisy, time):
        shown.append((float(time[0]), noisy))
        return torch.ones_like(noisy)

    drawn(velocity, torch.zeros(1, 1, 64, 64), 1, 4, 0)
    assert [time for time, _ in shown] == [1, 0.75, 0.5, 0.25]
    for time, noisy in shown:
        assert float(noisy.std()) == pytest.approx(time, rel=0.05)
        assert float(noisy.mean()) == pytest.approx(0, abs=0.05)


def test_cleaning_takes_off_the_noise_that_the_flow_knows():
    picture, noise = torch.randn(2, 1, 3, 8, 8)
    found = cleaned(lambda *_: noise - picture, 0.7 * picture + 0.3 * noise, 0.3)
    assert torch.allclose(found, picture, atol=1e-6)


@pytest.mark.slow
def test_the_seed_is_the_draw():
    canvas = half()
    first, again, other = (few(seed=seed).fill(canvas) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert np.abs(first - other)[~canvas.known].mean() > 1
    assert np.allclose(first[canvas.known], canvas.pixels[canvas.known], atol=1e-3)


def test_the_mean_is_that_of_its_draws():
    canvas = half()
    attack = few("flow_inpainting_mean", draws=3)
    spread = [FlowPrior(attack.learned).fillings(canvas, 3, 5, 2)[i] for i in range(3)]
    means = np.mean(spread, axis=0)
    hidden = ~canvas.known
    errors = [np.abs(each - means)[hidden].mean() for each in spread]
    one = few("flow_inpainting_mean", draws=1).fill(canvas)
    assert min(errors) > 1
    assert attack.fill(canvas)[hidden].std() < one[hidden].std()


def test_photos_differ_in_noise_and_roundings_do_not():
    """A last bit of a colour, as another machine's BLAS gives it, makes no other draw."""
    canvas = half()
    rounded = Canvas(np.nextafter(canvas.pixels, np.float32(256)), canvas.known)
    assert draw_seed(0, rounded) == draw_seed(0, canvas) != draw_seed(1, canvas)
    other = Canvas(canvas.pixels + 2.5, canvas.known)
    assert draw_seed(0, other) != draw_seed(0, canvas)


def test_what_is_flat_stays_flat():
    canvas = half()
    grey = np.full_like(canvas.pixels, 90) * canvas.known[..., None]
    flat = Canvas(grey, canvas.known)
    assert few().fill(flat)[~flat.known].std() < 10


def test_a_large_frame_is_filled_at_its_own_size():
    known = np.zeros((300, 500), dtype=bool)
    known[:, :200] = True
    noise = np.random.default_rng(0).uniform(0, 255, (300, 500, 3)).astype(np.float32)
    filled = few().fill(Canvas(np.where(known[..., None], noise, np.float32(0)), known))
    assert filled.shape == (300, 500, 3)
    assert filled.min() >= 0
    assert filled.max() <= 255


def test_shipped_weights_are_small_and_have_their_card():
    path = FOLDER / "flow_prior.safetensors"
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["sha256"] == sha256_of(path) == SHA256
    assert path.stat().st_size < 10e6
    assert card["trained on"] + card["held out"] == len(read_photos(PHOTOS))
    assert FlowNetwork().state_dict().keys() == shipped("flow_prior", SHA256).keys()
    assert len(prior_weights()) == len(FlowNetwork().state_dict())


@pytest.mark.slow
def test_it_takes_most_of_the_noise_off_photos():
    """Of packages, which did not train it; 25 grey levels of noise."""
    prior = FlowPrior(prior_weights())
    for name in ("astronaut", "coffee"):
        truth = photo(name)[:160, :160].astype(np.float32)
        found = prior.clean(truth, 0.3, np.random.default_rng(0))
        assert np.square(found - truth).mean() < 0.5 * 25**2


def inverted(weight):
    attack = fit("flow_inversion", knowledge(stages=[2]), steps=2)
    attack.learned["weight"] = np.array([weight])
    return attack.reconstruct(seen("chelsea"))


@pytest.mark.slow
def test_guidance_brings_the_tokens_back():
    """The picture's tokens are nearer to those seen than ridge's are."""
    observation = seen("chelsea")
    forward = Forward(encoder_state(toy(), "interleaved", 2), observation.grid)
    target = Target.of(forward, observation.tokens(2))
    start = fit("ridge", knowledge(stages=[2])).reconstruct(observation).astype(np.float32)
    found = guided(target, FlowPrior(prior_weights()), start, 1e-4, 4, np.random.default_rng(0))

    def error(picture):
        values = torch.from_numpy(picture).permute(2, 0, 1)
        square = torch.zeros(3, 64, 64)
        square[:, : picture.shape[0], : picture.shape[1]] = values
        return float(target.error(square))

    assert error(found) < error(start)


@pytest.mark.slow
def test_a_heavier_prior_moves_the_picture_less_towards_the_tokens():
    assert not np.array_equal(inverted(1e-4), inverted(1e3))


@pytest.mark.slow
def test_where_nothing_was_gained_ridges_picture_stays():
    observation = seen("chelsea")
    visible = observation.grid.pixel_mask(observation.visible)
    linear = fit("ridge", knowledge(stages=[2])).reconstruct(observation)
    assert np.array_equal(inverted(-1.0)[visible], linear[visible])


@pytest.mark.slow
def test_hidden_windows_are_drawn_at_any_stage():
    """Behind blocks too, where other completions have nothing to start from."""
    observation = seen("chelsea")
    hidden = ~observation.grid.pixel_mask(observation.visible)
    linear = fit("ridge", knowledge(stages=[2])).reconstruct(observation)
    assert linear[hidden].std(axis=0).max() == 0
    assert inverted(-1.0)[hidden].std() > 1


@pytest.mark.slow
def test_the_state_is_the_whole_attack():
    for name in ("flow_inpainting", "flow_inpainting_mean", "flow_inversion"):
        attack = fit(name, knowledge(), steps=2, seed=3)
        twin = ATTACKS.get(name)()
        twin.load_state(attack.state())
        target = seen("chelsea")
        assert np.array_equal(attack.reconstruct(target), twin.reconstruct(target))
