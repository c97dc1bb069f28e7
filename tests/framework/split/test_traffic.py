"""Bytes and rounds of every plan, counted from what crossed."""

from __future__ import annotations

import pytest

from framework import DistributedSamPredictor, LocalShards
from framework.split.edge import DistributedEncoder
from framework.split.payload import TOKEN_CODECS
from framework.split.plans import PLANS, Place, make_plan
from tests.framework.support import frame_of, message_of

HEIGHT, WIDTH = 171, 256
TOKENS, CHANNELS = 32 * 32, 192
PER_TOKEN = {
    "float32": 4 * CHANNELS,
    "float16": 2 * CHANNELS,
    "bfloat16": 2 * CHANNELS,
    "int8": CHANNELS + 4,
    "int4": CHANNELS // 2 + 4,
}
ROUNDS = {"centralized": 1, "local": 0, "interleaved": 4, "prefix": 1, "globals_last": 1}


@pytest.fixture
def traffic(sam):
    def measure(plan: str, payload: str):
        encoder = DistributedEncoder(sam, LocalShards(4), plan=plan, payload=payload)
        encoder(frame_of(HEIGHT, WIDTH))
        return encoder.traffic

    return measure


def test_every_plan_has_its_rounds(sam):
    assert set(ROUNDS) == set(PLANS)
    for name, rounds in ROUNDS.items():
        assert make_plan(name, sam.arch).rounds == rounds


@pytest.mark.slow
@pytest.mark.parametrize("codec", TOKEN_CODECS)
@pytest.mark.parametrize("plan", ["interleaved", "prefix", "globals_last"])
def test_only_valid_tokens_travel(traffic, plan, codec):
    found = traffic(plan, codec)
    one_way = ROUNDS[plan] * TOKENS * PER_TOKEN[codec]
    assert (found.bytes_up, found.bytes_down, found.rounds) == (one_way, one_way, ROUNDS[plan])


@pytest.mark.parametrize("plan", ["interleaved", "prefix"])
def test_pixels_travel_in_the_first_round_only(traffic, plan):
    found = traffic(plan, "pixels+float16")
    later = (ROUNDS[plan] - 1) * TOKENS * PER_TOKEN["float16"]
    assert found.bytes_up == HEIGHT * WIDTH * 3 + later
    assert found.bytes_down == ROUNDS[plan] * TOKENS * PER_TOKEN["float16"]


def test_centralized_sends_pixels_and_gets_the_embedding(traffic, sam):
    found = traffic("centralized", "float32")
    assert found.bytes_up == HEIGHT * WIDTH * 3
    assert found.bytes_down == TOKENS * sam.arch.prompt_width * 4
    assert found.rounds == 1


def test_local_sends_nothing(traffic):
    found = traffic("local", "float32")
    assert (found.bytes_up, found.bytes_down, found.rounds) == (0, 0, 0)


def test_local_needs_no_assignment(sam):
    DistributedEncoder(sam, LocalShards(30), plan="local")(frame_of(HEIGHT, WIDTH))


@pytest.mark.slow
def test_traffic_is_of_the_last_picture(sam, photos):
    predictor = DistributedSamPredictor(sam, LocalShards(2), payload="pixels")
    ups = []
    for name in ("square", "landscape", "square"):
        predictor.set_image(photos[name])
        ups.append(predictor.traffic.bytes_up)
    assert ups[0] == ups[2] > ups[1]


@pytest.mark.parametrize("name", ["tiny", "tiny_globals_last", "vit_b", "vit_l", "vit_h"])
@pytest.mark.parametrize("plan", list(PLANS))
def test_plans_run_every_block_once(plan, name):
    from framework.models.named import architecture

    arch = architecture(name)
    steps = make_plan(plan, arch).steps
    blocks = [block for step in steps for block in step.blocks]
    assert sorted(blocks) == list(range(arch.depth))
    for step in steps:
        if step.place is Place.SHARDS:
            assert not set(step.blocks) & set(arch.global_blocks)
    order_is_stock = blocks == sorted(blocks)
    assert make_plan(plan, arch).stock_order is order_is_stock


@pytest.mark.parametrize("model", ["tiny", "vit_b", "vit_l", "vit_h"])
@pytest.mark.parametrize("name", [name for name, kind in PLANS.items() if kind.opens_as])
def test_plans_that_are_said_to_open_alike_do(name, model):
    from framework.models.named import architecture

    arch = architecture(model)
    opening = [make_plan(each, arch).steps[0] for each in (name, PLANS[name].opens_as)]
    assert opening[0] == opening[1]


def test_unknown_plan(sam):
    assert "did you mean 'interleaved'" in message_of(lambda: make_plan("interleave", sam.arch))
