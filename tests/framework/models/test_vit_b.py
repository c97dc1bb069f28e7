"""A full-size ViT-B with random weights: exactness, and the bytes of the design page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from framework import LocalShards, build_sam
from framework.models.architectures import ARCHITECTURES
from framework.models.block import fold_attention
from framework.models.build import PedSam
from framework.split.edge import DistributedEncoder
from tests.framework.support import EchoShards, frame_of

pytestmark = pytest.mark.slow

FRAME_SIZE = (680, 1024)
TOKENS, WIDTH, ROUNDS = 64 * 64, 768, 4
SCALES = TOKENS * ROUNDS * 2 * 4


@dataclass(frozen=True)
class Reference:
    """ViT-B under folded attention, with the embedding that stock attention gave."""

    sam: PedSam
    embedding: Tensor


def reference(model: str) -> Reference:
    sam = build_sam(model, "random", attention="stock")
    image = torch.as_tensor(frame_of(*FRAME_SIZE)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        embedding = sam.image_encoder(sam.preprocess(image))
    fold_attention(sam.image_encoder)
    return Reference(sam, embedding)


@pytest.fixture(scope="module")
def vit_b() -> Reference:
    return reference("vit_b")


@pytest.fixture(scope="module")
def first_round() -> Reference:
    """ViT-B up to its first global block."""
    start = replace(ARCHITECTURES["vit_b"], name="vit_b_start", depth=3, global_blocks=(2,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, start.name, start)
        return reference(start.name)


def test_no_position_is_zero(vit_b):
    encoder = vit_b.sam.image_encoder
    assert (encoder.pos_embed != 0).float().mean() > 0.99
    for block in encoder.blocks:
        assert (block.attn.rel_pos_h != 0).float().mean() > 0.99
        assert (block.attn.rel_pos_w != 0).float().mean() > 0.99


def check_equals_stock(
    known: Reference, megabytes: float | None, shards: int, **options: str
) -> None:
    encoder = DistributedEncoder(known.sam, LocalShards(shards), **options)
    found = encoder(frame_of(*FRAME_SIZE))
    assert known.embedding.std() > 0.1
    assert (found - known.embedding).abs().max().item() <= 1e-4
    if megabytes:
        traffic = encoder.traffic
        assert (traffic.bytes_up + traffic.bytes_down) / 1e6 == pytest.approx(megabytes, abs=0.005)


def test_equals_stock(vit_b):
    check_equals_stock(vit_b, 100.66, 4, plan="interleaved", policy="sticky")


@pytest.mark.parametrize(
    ("plan", "payload", "policy", "n_shards", "megabytes"),
    [
        ("interleaved", "pixels", "strided", 9, None),
        ("prefix", "float32", "one_per_shard", 25, 100.66 / 4),
    ],
)
def test_its_first_round_equals_stock(first_round, plan, payload, policy, n_shards, megabytes):
    """All that pixels and the prefix change."""
    options = {"plan": plan, "payload": payload, "policy": policy}
    check_equals_stock(first_round, megabytes, n_shards, **options)


@pytest.fixture(scope="module")
def idle_vit_b(vit_b) -> Iterator[PedSam]:
    """The same model with blocks that do nothing."""
    encoder = vit_b.sam.image_encoder
    blocks = encoder.blocks
    encoder.blocks = nn.ModuleList([nn.Identity() for _ in blocks])
    yield vit_b.sam
    encoder.blocks = blocks


@pytest.mark.parametrize(
    ("payload", "megabytes", "scales"),
    [
        ("float32", 100.66, 0),
        ("float16", 50.33, 0),
        ("bfloat16", 50.33, 0),
        ("int8", 25.17, SCALES),
        ("int4", 12.58, SCALES),
    ],
)
def test_bytes_of_four_rounds(idle_vit_b, payload, megabytes, scales):
    """Every byte is counted from a message that crossed."""
    encoder = DistributedEncoder(idle_vit_b, EchoShards(5), payload=payload)
    encoder(frame_of(*FRAME_SIZE))
    messages = encoder.observation().messages
    up = sum(m.sent.nbytes for m in messages)
    down = sum(m.returned.nbytes for m in messages)
    assert len(messages) == ROUNDS * 25
    assert (encoder.traffic.bytes_up, encoder.traffic.bytes_down) == (up, down)
    assert encoder.traffic.rounds == ROUNDS
    assert up == down
    assert (up + down - scales) / 1e6 == pytest.approx(megabytes, abs=0.005)
    values = sum(m.sent.decode().size for m in messages)
    assert values == TOKENS * WIDTH * ROUNDS
