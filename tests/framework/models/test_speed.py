"""What is done for speed changes nothing, or what it says it changes."""

from __future__ import annotations

import asyncio
import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from framework import DistributedSamPredictor, LocalShards, build_sam
from framework.exposure import View
from framework.models.block import loose_windows, map_windows
from framework.models.compile import compile_blocks
from framework.models.quantise import Int8Linear
from framework.split.edge import DistributedEncoder
from framework.split.payload import encode_tokens
from framework.split.windows import WindowGrid
from framework.transport.grpc.server.gather import Gather
from framework.transport.round import Round
from framework.transport.serve import serve_together, serve_windows
from framework.transport.stage import WindowStage
from tests.framework.support import frame_of, message_of

SIDE = 256


def monolithic(sam, frame):
    image = sam.preprocess(torch.as_tensor(frame).permute(2, 0, 1)[None])
    with torch.inference_mode():
        return sam.image_encoder(image.to(sam.image_encoder.pos_embed.dtype)).float()


def relative(found, expected) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.fixture(scope="module")
def frame():
    return frame_of(170, SIDE)


@pytest.fixture(scope="module")
def expected(stock_sam, frame):
    return monolithic(stock_sam, frame)


def test_the_encoder_in_one_piece_is_stock(sam, frame, expected):
    assert (monolithic(sam, frame) - expected).abs().max() <= 1e-4


@pytest.mark.slow
def test_tables_that_change_are_noticed(frame):
    sam = build_sam("tiny", "random")
    before = monolithic(sam, frame)
    other = build_sam("tiny", "random", seed=1)
    sam.load_state_dict(other.state_dict())
    assert torch.equal(monolithic(sam, frame), monolithic(other, frame))
    assert relative(before, monolithic(sam, frame)) > 0.1


def test_gradients_take_the_stock_way(sam, frame):
    trained = copy.deepcopy(sam)
    first = trained.image_encoder.blocks[0]
    tokens = torch.randn(1, 32, 32, 192, requires_grad=True)
    found = first(tokens)
    with torch.inference_mode():
        assert torch.allclose(found, first(tokens.detach()), atol=1e-5)
    found.sum().backward()
    assert tokens.grad is not None


@pytest.mark.parametrize("shape", [(1, 10, 9), (2, 7, 14)])
def test_every_token_has_its_place(shape):
    source, slots = map_windows(shape, 7)
    count = shape[0] * shape[1] * shape[2]
    assert torch.equal(source.flatten()[slots], torch.arange(count))
    assert (source == count).sum() == source.numel() - count
    source, slots = loose_windows([(7, 7), (3, 2)], 7)
    assert torch.equal(source.flatten()[slots], torch.arange(55))


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "largest"), [("float16", 5e-3), ("bfloat16", 5e-2)])
@pytest.mark.parametrize("payload", ["float32", "pixels"])
def test_half_precision_on_shards_and_edge(precision, largest, payload, frame, expected):
    sam = build_sam("tiny", "random", precision=precision)
    found = DistributedEncoder(sam, LocalShards(4), payload=payload)(frame)
    assert found.dtype == torch.float32
    assert 1e-6 < relative(found, expected) < largest


@pytest.mark.slow
def test_int8_is_close_and_does_not_depend_on_the_sharing(frame, expected):
    sam = build_sam("tiny", "random", precision="int8")
    assert any(isinstance(module, Int8Linear) for module in sam.modules())
    alone = DistributedEncoder(sam, LocalShards(1), plan="local")(frame)
    shared = DistributedEncoder(sam, LocalShards(9))(frame)
    assert 1e-5 < relative(alone, expected) < 5e-2
    assert relative(shared, alone) < 1e-2


def test_int8_linear_rounds_to_half_a_step():
    torch.manual_seed(0)
    linear = nn.Linear(64, 32)
    x = torch.randn(2, 5, 64)
    x[0, 0] = 0
    with torch.no_grad():
        found, wanted = Int8Linear(linear)(x), linear(x)
    assert found.shape == wanted.shape
    assert relative(found, wanted) < 2e-2
    assert torch.allclose(found[0, 0], linear.bias)


def test_unknown_precision():
    assert "did you mean 'float16'" in message_of(
        lambda: build_sam("tiny", "random", precision="floot16")
    )


def test_without_a_compiler_one_line_says_so(monkeypatch):
    sam = build_sam("tiny", "random")

    def broken(*args, **options):
        raise RuntimeError("InvalidCxxCompiler: none found\nand many more lines")

    monkeypatch.setattr(torch, "compile", broken)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert not compile_blocks(sam.image_encoder)
    assert len(caught) == 1
    assert "none found" in str(caught[0].message)
    assert "\n" not in str(caught[0].message)


def rounds(sam, count):
    """Requests of several sessions for one round, each with its own windows and codec."""
    grid = WindowGrid.of(sam.arch, (SIDE, SIDE))
    generator = torch.Generator().manual_seed(0)
    for i in range(count):
        round_ = Round(grid, 0, i, (0,), ("float32", "float16")[i % 2], session=f"{i:x}")
        windows = {}
        for index in (i, 24 - i):
            window = grid.windows[index]
            tokens = torch.randn(window.height, window.width, 192, generator=generator)
            windows[index] = encode_tokens(tokens.numpy(), "float32")
        yield round_, windows


def same(found, alone) -> bool:
    return found.keys() == alone.keys() and all(
        abs(found[w].decode() - alone[w].decode()).max() < 5e-3 for w in alone
    )


def test_sessions_in_one_batch_get_what_they_would_alone(sam):
    stage = WindowStage(sam)
    asked = list(rounds(sam, 3))
    for found, (round_, windows) in zip(serve_together(stage, asked), asked, strict=True):
        assert same(found, serve_windows(stage, round_, windows))
        assert {p.codec for p in found.values()} == {round_.codec}


def test_waiting_requests_are_gathered_and_faults_stay_apart(sam):
    asked = list(rounds(sam, 5))
    batches = []

    async def compute(batch):
        batches.append([one.owner for one in batch])
        await asyncio.sleep(0)
        if "bad" in batches[-1]:
            raise ValueError("bad")
        return [dict.fromkeys(one.windows, one.owner) for one in batch]

    async def act():
        gather = Gather(compute, most=6)
        owners = ["first", "a", "bad", "b", "later"]
        calls = [
            gather.serve(round_, windows, owner)
            for (round_, windows), owner in zip(asked, owners, strict=True)
        ]
        return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(act())
    assert isinstance(found[2], ValueError)
    for i, owner in ((0, "first"), (1, "a"), (3, "b"), (4, "later")):
        assert set(found[i].values()) == {owner}
    assert max(map(len, batches)) == 3


@pytest.mark.slow
def test_pictures_in_flight_keep_apart(sam):
    frames = [frame_of(SIDE, SIDE, seed) for seed in range(3)]
    encoder = DistributedEncoder(sam, LocalShards(4))
    alone = [encoder(frame) for frame in frames]
    size = encoder.traffic
    found = list(encoder.encode_many(iter(frames), in_flight=2))
    assert all(torch.equal(a, b) for a, b in zip(alone, found, strict=True))
    assert encoder.traffic == size
    assert encoder.shards.taps == []
    assert "at least 1" in message_of(lambda: list(encoder.encode_many(frames, in_flight=0)))


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["local", "interleaved", "centralized"])
def test_photos_in_one_batch_are_as_one_by_one(sam, plan):
    frames = [frame_of(SIDE, SIDE, 0), frame_of(170, SIDE, 1), frame_of(SIDE, 90, 2)]
    one_by_one, together = (
        DistributedEncoder(sam, LocalShards(4), plan=plan, policy="strided") for _ in range(2)
    )
    alone = torch.cat([one_by_one(frame) for frame in frames])
    found = together.encode_batch(frames)
    assert (found - alone).abs().max() <= 2e-5
    views = [View.alone(frames[0])]
    assert "1 views of 3 frames" in message_of(lambda: together.encode_batch(frames, views))
    assert together.traffic == one_by_one.traffic
    seen, expected = together.observation(), one_by_one.observation()
    assert [(m.round, m.shard, m.window, m.frame) for m in seen.messages] == [
        (m.round, m.shard, m.window, m.frame) for m in expected.messages
    ]
    assert together.shards.taps == []
    assert "at least one" in message_of(lambda: together.encode_batch([]))


@pytest.mark.slow
def test_a_photo_of_a_batch_is_prompted_like_any_other(sam, photos):
    predictor = DistributedSamPredictor(sam, LocalShards(4))
    given = list(photos.values())[:2]
    embeddings = predictor.encode_images(given)
    for photo, embedding in zip(given, embeddings, strict=True):
        predictor.set_image(photo)
        expected, _, _ = predictor.predict(np.array([[30.0, 20]]), np.array([1]))
        predictor.set_embedding(embedding)
        found, _, _ = predictor.predict(np.array([[30.0, 20]]), np.array([1]))
        assert found.shape[1:] == photo.shape[:2]
        assert (found != expected).mean() < 1e-3


def test_several_prompts_in_one_decode(sam, photos):
    predictor = DistributedSamPredictor(sam, LocalShards(4))
    predictor.set_image(photos["square"])
    boxes = torch.tensor([[10.0, 10, 90, 90], [60, 20, 200, 240]])
    together, _, _ = predictor.predict_torch(None, None, boxes=boxes, return_logits=True)
    for i, box in enumerate(boxes):
        one, _, _ = predictor.predict_torch(None, None, boxes=box[None], return_logits=True)
        assert torch.allclose(together[i], one[0], atol=1e-3)
