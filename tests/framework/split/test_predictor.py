"""`DistributedSamPredictor` behaves as `segment_anything.SamPredictor` does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from segment_anything import SamAutomaticMaskGenerator, SamPredictor

from framework import DistributedSamPredictor, LocalShards, build_sam
from framework.models.checkpoint import SHIPPED
from framework.split.edge import DistributedEncoder
from tests.framework.support import EchoShards, frame_of, message_of

WEIGHTS: list[str | None] = ["random"]
if (SHIPPED / "tiny.safetensors").is_file():
    WEIGHTS.append(None)


@pytest.fixture(scope="module")
def pair(stock_sam, sam, photos):
    """Stock and distributed predictor with the same photo set."""
    stock = SamPredictor(stock_sam)
    distributed = DistributedSamPredictor(sam, LocalShards(4), policy="strided")
    for predictor in (stock, distributed):
        predictor.set_image(photos["landscape"])
    return stock, distributed


def low_res_mask():
    return np.random.default_rng(0).normal(0, 5, (1, 128, 128)).astype(np.float32)


PROMPTS = {
    "box": {"box": np.array([100, 50, 400, 300])},
    "single mask": {"box": np.array([100, 50, 400, 300]), "multimask_output": False},
    "points": {"point_coords": np.array([[300, 200], [10, 10]]), "point_labels": np.array([1, 0])},
    "box and point": {
        "point_coords": np.array([[300, 200]]),
        "point_labels": np.array([1]),
        "box": np.array([100, 50, 400, 300]),
    },
    "mask": {"mask_input": low_res_mask(), "box": np.array([100, 50, 400, 300])},
    "nothing": {},
}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_predict(pair, prompt):
    (masks, scores, low_res), found = (
        p.predict(**PROMPTS[prompt], return_logits=True) for p in pair
    )
    for expected, actual in zip((masks, scores, low_res), found, strict=True):
        assert actual.shape == expected.shape
        assert actual.dtype == expected.dtype
        assert np.abs(actual - expected).max() <= 1e-4
    assert masks.shape[1:] == (400, 600)
    assert low_res.shape[1:] == (128, 128)


def test_binary_masks(pair):
    stock, found = (p.predict(box=np.array([100, 50, 400, 300]))[0] for p in pair)
    assert found.dtype == bool
    assert (stock != found).mean() < 1e-4


def test_predict_torch_with_many_boxes(pair):
    boxes = torch.tensor([[10.0, 10, 100, 100], [50, 50, 200, 150]])
    stock, found = (
        p.predict_torch(None, None, boxes=boxes, multimask_output=False, return_logits=True)[0]
        for p in pair
    )
    assert found.shape == (2, 1, 400, 600)
    assert (stock - found).abs().max() <= 1e-4


def test_embedding_and_state(pair):
    stock, distributed = pair
    assert distributed.is_image_set
    assert distributed.original_size == stock.original_size
    assert distributed.input_size == stock.input_size
    assert distributed.device == stock.device
    assert (distributed.get_image_embedding() - stock.get_image_embedding()).abs().max() <= 1e-4
    assert not distributed.features.is_inference()


def test_bgr(sam, photos, pair):
    predictor = DistributedSamPredictor(sam, LocalShards(1))
    predictor.set_image(photos["landscape"][..., ::-1], image_format="BGR")
    assert (predictor.features - pair[0].features).abs().max() <= 1e-4


def test_set_torch_image(pair, photos, sam):
    resized = pair[0].transform.apply_image(photos["landscape"])
    predictor = DistributedSamPredictor(sam, LocalShards(1))
    image = torch.as_tensor(resized).permute(2, 0, 1)[None]
    predictor.set_torch_image(image, photos["landscape"].shape[:2])
    assert (predictor.features - pair[0].features).abs().max() <= 1e-4
    assert predictor.original_size == (400, 600)


def test_reset_and_prediction_without_an_image(sam, photos):
    predictor = DistributedSamPredictor(sam, EchoShards(1), plan="prefix")
    with pytest.raises(RuntimeError, match="set_image"):
        predictor.predict(box=np.array([0, 0, 9, 9]))
    predictor.set_image(photos["square"])
    predictor.reset_image()
    with pytest.raises(RuntimeError, match="set_image"):
        predictor.get_image_embedding()


CROPS = {"crop_n_layers": 1, "crop_nms_thresh": 0.95}


def by_prompt(mask: dict) -> tuple:
    """Sorts masks whose scores are tied alike."""
    return *mask["point_coords"][0], round(mask["predicted_iou"], 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("checkpoint", "crops"),
    [
        *((checkpoint, {}) for checkpoint in WEIGHTS),
        ("random", CROPS),
    ],
)
def test_automatic_mask_generator(checkpoint, crops, photos):
    options = crops | {
        "points_per_side": 2 if crops else 4,
        "pred_iou_thresh": 0.0,
        "stability_score_thresh": 0.0,
        "box_nms_thresh": 0.95,
    }
    stock = SamAutomaticMaskGenerator(build_sam("tiny", checkpoint, attention="stock"), **options)
    distributed = SamAutomaticMaskGenerator(build_sam("tiny", checkpoint), **options)
    distributed.predictor = DistributedSamPredictor(
        build_sam("tiny", checkpoint), LocalShards(4), policy="random"
    )
    expected, found = stock.generate(photos["odd"]), distributed.generate(photos["odd"])
    assert len(expected) > 0
    assert len(found) == len(expected)
    pairs = zip(sorted(expected, key=by_prompt), sorted(found, key=by_prompt), strict=True)
    for one, other in pairs:
        assert one["point_coords"] == other["point_coords"]
        assert other["predicted_iou"] == pytest.approx(one["predicted_iou"], abs=1e-4)
        assert np.mean(one["segmentation"] != other["segmentation"]) < 1e-4


BAD_IMAGES = {
    "grey": np.zeros((20, 30), np.uint8),
    "alpha": np.zeros((20, 30, 4), np.uint8),
    "float": np.zeros((20, 30, 3), np.float32),
    "empty": np.zeros((0, 30, 3), np.uint8),
    "batch": np.zeros((1, 20, 30, 3), np.uint8),
    "nothing": None,
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_images(sam, name):
    predictor = DistributedSamPredictor(sam, LocalShards(1))
    assert "uint8 [height, width, 3]" in message_of(lambda: predictor.set_image(BAD_IMAGES[name]))
    assert not predictor.is_image_set


@pytest.mark.parametrize("shape", [(1, 2000, 3), (2000, 1, 3)])
def test_a_strip_that_vanishes_when_resized(sam, shape):
    predictor = DistributedSamPredictor(sam, LocalShards(1))
    assert "too narrow" in message_of(lambda: predictor.set_image(np.zeros(shape, np.uint8)))


def test_a_strip_of_one_pixel(sam, stock_sam):
    strip = frame_of(1, 256)
    stock = SamPredictor(stock_sam)
    predictor = DistributedSamPredictor(sam, LocalShards(5), payload="pixels")
    for p in (stock, predictor):
        p.set_image(strip)
    assert (predictor.features - stock.features).abs().max() <= 1e-4


@pytest.mark.parametrize("shape", [(1, 3, 100, 100), (1, 3, 300, 256), (2, 3, 256, 9), (3, 256, 9)])
def test_bad_resized_images(sam, shape):
    predictor = DistributedSamPredictor(sam, LocalShards(1))
    text = message_of(lambda: predictor.set_torch_image(torch.zeros(shape), (9, 9)))
    assert "longest side 256" in text


@pytest.mark.parametrize("shape", [(100, 100, 3), (300, 200, 3), (256, 256), (256, 256, 4)])
def test_bad_frames(sam, shape):
    encoder = DistributedEncoder(sam, LocalShards(1))
    assert "longest side 256" in message_of(lambda: encoder(np.zeros(shape, np.uint8)))


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"plan": "centralised"}, "centralized"),
        ({"policy": "strid"}, "strided"),
        ({"payload": "fp16"}, "float16"),
        ({"defence": "gausian"}, "gaussian"),
    ],
)
def test_unknown_parts(sam, options, hint):
    assert hint in message_of(lambda: DistributedSamPredictor(sam, LocalShards(1), **options))


def test_no_shards():
    assert "at least 1" in message_of(lambda: LocalShards(0))


def test_parts_as_objects(sam, photos, stock_embedding):
    from framework.split.defences import DEFENCES
    from framework.split.policies import POLICIES

    predictor = DistributedSamPredictor(
        sam,
        LocalShards(4),
        policy=POLICIES.get("sticky")(seed=5),
        defence=DEFENCES.get("gaussian")(0),
    )
    predictor.set_image(photos["square"])
    assert (predictor.features - stock_embedding("square")).abs().max() <= 1e-4
    owners = {m.window: m.shard for m in predictor.observation().messages}
    grid = predictor.observation().grid
    assert tuple(owners[i] for i in range(25)) == POLICIES.get("sticky")(seed=5).assign(grid, 4)


def test_two_models_may_share_shards(sam, photos, stock_embedding):
    shards = LocalShards(4)
    first = DistributedSamPredictor(sam, shards)
    DistributedSamPredictor(build_sam("tiny", "random", seed=9), shards).set_image(photos["odd"])
    first.set_image(photos["square"])
    assert (first.features - stock_embedding("square")).abs().max() <= 1e-4
