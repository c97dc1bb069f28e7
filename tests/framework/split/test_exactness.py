"""Exact plans give the embedding of stock `SamPredictor`."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from framework import DistributedSamPredictor, LocalShards, build_sam
from framework.models.build import PedSam
from framework.split.edge import DistributedEncoder
from framework.split.policies import POLICIES
from framework.transport.stage import WindowStage
from tests.framework.support import frame_of

TOLERANCE = 1e-4
SHAPES = ("landscape", "portrait", "square", "odd")
FOR_SOME = ("one_per_shard", "sensitive_local")
SHARINGS = [
    *((p, n) for p in POLICIES.names() if p not in FOR_SOME for n in (1, 4, 9, 25)),
    ("one_per_shard", 25),
]


def worst(found: Tensor, expected: Tensor) -> float:
    """The largest absolute difference of two embeddings of the same shape and of ordinary size."""
    assert found.shape == expected.shape
    assert expected.std() > 0.1
    return (found - expected).abs().max().item()


def test_random_weights_leave_no_position_at_zero(sam):
    for name, tensor in sam.image_encoder.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            assert tensor.std() > 0.01, name


@pytest.mark.parametrize(
    ("policy", "n_shards"),
    [
        pytest.param(policy, n, marks=() if n in (4, 25) else pytest.mark.slow)
        for policy, n in SHARINGS
    ],
)
def test_every_policy_and_number_of_shards(sam, photos, stock_embedding, policy, n_shards):
    predictor = DistributedSamPredictor(sam, LocalShards(n_shards), policy=policy)
    predictor.set_image(photos["landscape"])
    assert worst(predictor.features, stock_embedding("landscape")) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "n_shards"), [(p, n) for p, n in SHARINGS if n in (9, 25)])
@pytest.mark.parametrize(
    ("plan", "payload", "shape"),
    [("interleaved", "pixels", "odd"), ("prefix", "float32", "portrait")],
)
def test_every_policy_in_other_exact_plans(
    sam, photos, stock_embedding, plan, payload, shape, policy, n_shards
):
    predictor = DistributedSamPredictor(
        sam, LocalShards(n_shards), plan=plan, policy=policy, payload=payload
    )
    predictor.set_image(photos[shape])
    assert worst(predictor.features, stock_embedding(shape)) <= TOLERANCE


@pytest.mark.parametrize(
    "shape", ["odd", *(pytest.param(s, marks=pytest.mark.slow) for s in SHAPES if s != "odd")]
)
@pytest.mark.parametrize("payload", ["float32", "pixels"])
@pytest.mark.parametrize("plan", ["centralized", "local", "interleaved", "prefix"])
def test_every_shape_in_every_exact_plan(sam, photos, stock_embedding, plan, payload, shape):
    predictor = DistributedSamPredictor(sam, LocalShards(4), plan=plan, payload=payload)
    predictor.set_image(photos[shape])
    assert worst(predictor.features, stock_embedding(shape)) <= TOLERANCE


@pytest.mark.parametrize(("payload", "largest"), [("float16", 2e-3), ("int8", 5e-2)])
def test_lower_precision_costs_a_little(sam, photos, stock_embedding, payload, largest):
    predictor = DistributedSamPredictor(sam, LocalShards(4), payload=payload)
    predictor.set_image(photos["square"])
    expected = stock_embedding("square")
    error = ((predictor.features - expected).norm() / expected.norm()).item()
    assert 1e-6 < error < largest


@pytest.fixture(scope="module")
def late_globals() -> tuple[PedSam, PedSam]:
    """The architecture whose first four blocks are one run of window blocks; folded and stock."""
    return (
        build_sam("tiny_globals_last", "random"),
        build_sam("tiny_globals_last", "random", attention="stock"),
    )


def monolithic(sam: PedSam, frame) -> Tensor:
    """The embedding by the whole encoder in one piece."""
    image = torch.as_tensor(frame).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return sam.image_encoder(sam.preprocess(image))


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["interleaved", "globals_last", "prefix"])
def test_runs_of_several_window_blocks(late_globals, plan):
    folded, stock = late_globals
    frame = frame_of(170, 256)
    found = DistributedEncoder(folded, LocalShards(4), plan=plan)(frame)
    assert worst(found, monolithic(stock, frame)) <= TOLERANCE


def test_globals_last_needs_adapted_weights(sam, photos, stock_embedding):
    predictor = DistributedSamPredictor(sam, LocalShards(4), plan="globals_last")
    predictor.set_image(photos["square"])
    assert not predictor.encoder.plan.stock_order
    assert worst(predictor.features, stock_embedding("square")) > 0.1


def pad_once(stage: WindowStage, blocks, windows):
    """The plausible mistake: pad before the run, treat the padding as tokens, crop at its end."""
    side = stage.encoder.module.blocks[blocks[0]].window_size
    padded = torch.stack(
        [F.pad(w, (0, 0, 0, side - w.shape[1], 0, side - w.shape[0])) for w in windows]
    )
    for index in blocks:
        padded = stage.encoder.module.blocks[index](padded)
    return [p[: w.shape[0], : w.shape[1]] for p, w in zip(padded, windows, strict=True)]


def test_padding_once_per_run_would_be_noticed(late_globals, monkeypatch):
    folded, stock = late_globals
    frame = frame_of(256, 256)
    expected = monolithic(stock, frame)
    monkeypatch.setattr(WindowStage, "run", torch.inference_mode()(pad_once))
    found = DistributedEncoder(folded, LocalShards(4))(frame)
    assert ((found - expected).norm() / expected.norm()).item() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("parameter", ["rel_pos_h", "rel_pos_w", "pos_embed"])
def test_a_forgotten_position_would_be_noticed(stock_sam, parameter):
    frame = frame_of(256, 256)
    expected = monolithic(stock_sam, frame)
    changed = build_sam("tiny", "random")
    for name, tensor in changed.image_encoder.named_parameters():
        if name.endswith(parameter):
            tensor.zero_()
    assert worst(DistributedEncoder(changed, LocalShards(4))(frame), expected) > 10 * TOLERANCE
