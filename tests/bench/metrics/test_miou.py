"""Frozen prompts, IoU and scoring through a predictor."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam
from segment_anything.modeling.transformer import TwoWayTransformer
from segment_anything.utils.transforms import ResizeLongestSide

from bench.metrics import miou
from bench.metrics.miou import (
    Prompts,
    agreement,
    filled_box,
    frozen_prompts,
    inner_point,
    instance_scores,
    iou,
    score_segmentation,
    segment_instances,
    tight_box,
)

SIZE = (60, 90)


def rectangle(y0: int, x0: int, y1: int, x1: int) -> np.ndarray:
    mask = np.zeros(SIZE, dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


def small_sam() -> Sam:
    torch.manual_seed(0)
    encoder = ImageEncoderViT(
        img_size=64, patch_size=16, embed_dim=32, depth=1, num_heads=2, out_chans=32
    )
    prompts = PromptEncoder(
        embed_dim=32, image_embedding_size=(4, 4), input_image_size=(64, 64), mask_in_chans=4
    )
    layers = TwoWayTransformer(depth=1, embedding_dim=32, mlp_dim=32, num_heads=2)
    decoder = MaskDecoder(
        transformer_dim=32, transformer=layers, iou_head_depth=2, iou_head_hidden_dim=32
    )
    return Sam(encoder, prompts, decoder).eval()


@pytest.fixture(scope="module")
def predictor() -> SamPredictor:
    predictor = SamPredictor(small_sam())
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    predictor.set_image(image)
    return predictor


@pytest.fixture
def masks() -> np.ndarray:
    boxes = [(5, 5, 20, 30), (0, 0, 60, 90), (30, 40, 31, 41), (10, 50, 50, 85), (2, 3, 9, 9)]
    return np.stack([rectangle(*box) for box in boxes])


class Oracle:
    """Answers a box with the filled box, a point with three masks of which one is predicted best.

    Coordinates arrive in the frame, twice as large as the original.
    """

    def __init__(self) -> None:
        self.transform = ResizeLongestSide(2 * SIZE[1])
        self.original_size = SIZE
        self.calls: list[int] = []

    def predict_torch(self, points, labels, boxes=None, multimask_output=True, **_):
        if boxes is not None:
            assert points is None
            assert not multimask_output
            self.calls.append(len(boxes))
            corners = (boxes / 2).round().int().tolist()
            return torch.from_numpy(np.stack([[filled_box(b, SIZE)] for b in corners])), None, None
        assert multimask_output
        assert (labels == 1).all()
        assert points.shape == (*labels.shape, 2)
        self.calls.append(len(points))
        whole = np.ones(SIZE, dtype=bool)
        single = [self._pixel(*xy) for xy in (points[:, 0] / 2).round().int().tolist()]
        answer = torch.from_numpy(np.stack([[whole, pixel, ~whole] for pixel in single]))
        return answer, torch.tensor([[0.1, 0.9, 0.5]]).expand(len(points), 3), None

    @staticmethod
    def _pixel(x: int, y: int) -> np.ndarray:
        return rectangle(y, x, y + 1, x + 1)


def test_tight_box_and_its_filling():
    mask = rectangle(5, 7, 20, 30)
    assert tight_box(mask) == (7, 5, 29, 19)
    assert np.array_equal(filled_box(tight_box(mask), SIZE), mask)


def test_the_point_is_deepest_in_the_largest_component():
    mask = rectangle(10, 10, 21, 21) | rectangle(40, 0, 43, 41)
    assert frozen_prompts(mask) == Prompts((0, 10, 40, 42), (1, 41))
    assert inner_point(rectangle(10, 10, 21, 21) | rectangle(40, 0, 43, 30)) == (15, 15)


def test_the_border_of_the_image_counts_as_background():
    assert inner_point(rectangle(0, 0, 11, 11)) == (5, 5)
    assert inner_point(np.ones((11, 11), dtype=bool)) == (5, 5)


def test_ties_take_the_first_in_row_major_order():
    assert inner_point(rectangle(10, 10, 12, 12)) == (10, 10)
    assert inner_point(rectangle(30, 5, 35, 10) | rectangle(10, 40, 15, 45)) == (42, 12)


def squared_distances(mask: np.ndarray) -> np.ndarray:
    """To the nearest pixel that is not in the mask, by trying all of them."""
    padded = np.pad(mask, 1)
    outside, every = np.argwhere(~padded), np.argwhere(np.ones_like(padded))
    far = ((every[:, None] - outside) ** 2).sum(axis=2).min(axis=1).reshape(padded.shape)
    return far[1:-1, 1:-1]


def test_the_point_is_the_first_of_the_exactly_deepest():
    """Both 90 = 3² + 9² and 90 = 9² + 3² are the largest here; as floats they differ."""
    mask = np.zeros((32, 23), bool)
    mask[1:-1, 1:-1] = True
    for y, x in [(1, 9), (3, 6), (3, 7), (13, 20), (16, 19), (21, 21), (23, 6)]:
        mask[y, x] = False
    far = squared_distances(mask)
    assert np.count_nonzero(far == far.max()) > 1
    row, column = np.unravel_index(far.argmax(), far.shape)
    assert {inner_point(mask) for _ in range(20)} == {(column, row)}


def test_distances_are_exact_on_any_shape():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    for _ in range(8):
        inside = (y - 30) ** 2 / rng.uniform(0.5, 3) + (x - 45) ** 2 < rng.uniform(15, 25) ** 2
        mask = np.logical_and(inside, rng.random(SIZE) < 0.995)
        column, row = inner_point(mask)
        component = miou._largest_component(mask.astype(np.uint8))
        assert row * SIZE[1] + column == squared_distances(component).argmax()


def test_the_point_lies_in_the_mask():
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = rng.random(SIZE) > 0.6
        x, y = inner_point(mask)
        assert mask[y, x]


def test_an_empty_mask_has_no_prompts():
    with pytest.raises(ValueError, match="empty mask"):
        frozen_prompts(np.zeros(SIZE, dtype=bool))


def test_iou_known_answers():
    a, b = rectangle(0, 0, 10, 10), rectangle(0, 5, 10, 15)
    assert iou(a, b) == pytest.approx(1 / 3)
    assert iou(a, a) == 1
    assert iou(a, rectangle(20, 20, 30, 30)) == 0
    assert iou(np.zeros_like(a), np.zeros_like(a)) == 1


def test_agreement_is_the_mean_over_instances():
    a, b = rectangle(0, 0, 10, 10), rectangle(0, 5, 10, 15)
    assert agreement(np.stack([a, a]), np.stack([a, b])) == pytest.approx(2 / 3)
    nothing = np.zeros((0, *SIZE), dtype=bool)
    assert agreement(nothing, nothing) is None


def test_scores_through_an_oracle():
    half = rectangle(0, 0, 20, 20) & ~rectangle(10, 10, 20, 20)
    square = rectangle(30, 40, 40, 60)
    oracle = Oracle()
    first, second = score_segmentation(oracle, np.stack([half, square]))
    assert (first.box_iou, first.fill_iou) == (0.75, 0.75)
    assert (second.box_iou, second.fill_iou) == (1, 1)
    assert first.point_iou == pytest.approx(1 / 300)
    assert second.point_iou == pytest.approx(1 / 200)
    assert oracle.calls == [2, 2]


def test_chunks_give_the_same_masks(predictor, masks, monkeypatch):
    whole = segment_instances(predictor, [frozen_prompts(mask) for mask in masks])
    monkeypatch.setattr(miou, "VALUES_PER_CALL", 2 * 3 * 90 * 60)
    parts = segment_instances(predictor, [frozen_prompts(mask) for mask in masks])
    assert agreement(parts.box, whole.box) > 0.999
    assert agreement(parts.point, whole.point) > 0.999


def test_equals_prompting_one_by_one(predictor, masks):
    segmentation = segment_instances(predictor, [frozen_prompts(mask) for mask in masks])
    for i, prompt in enumerate(map(frozen_prompts, masks)):
        box, _, _ = predictor.predict(box=np.array(prompt.box), multimask_output=False)
        assert iou(segmentation.box[i], box[0]) > 0.999
        ask = partial(predictor.predict, multimask_output=True)
        point, quality, _ = ask(np.array([prompt.point]), np.array([1]))
        assert iou(segmentation.point[i], point[quality.argmax()]) > 0.999
    assert len(instance_scores(segmentation, masks)) == len(masks)


def test_no_instances_give_no_scores(predictor):
    assert score_segmentation(predictor, np.zeros((0, *SIZE), dtype=bool)) == []
