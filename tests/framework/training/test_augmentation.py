"""Composed objects, unions of regions, and stochastic depth."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from framework.training.optimisation.regularise import drop_branches
from framework.training.optimisation.start_and_rate import initial_sam
from framework.training.scenes import augment
from framework.training.scenes.augment import random_scene
from framework.training.scenes.compose import UNION_SHARES, composed_object, region_union
from framework.training.scenes.figures import figure
from framework.training.scenes.whole_objects import cut_out, whole_objects

PHOTO = SimpleNamespace(
    image=skimage.data.astronaut(), masks=np.zeros((0, *skimage.data.astronaut().shape[:2]), bool)
)


def test_a_composed_object_has_parts_within_it():
    rng = np.random.default_rng(0)
    shares, apart = [], 0
    for _ in range(30):
        colours, alpha, part = composed_object([PHOTO], 64, rng)
        assert colours.shape == (64, 64, 3)
        assert alpha.shape == part.shape == (64, 64)
        assert (part <= alpha).all()
        assert part.any()
        shares.append((alpha > 127).mean())
        apart += bool((part != alpha).any())
    assert 0.02 < min(shares) < max(shares) < 0.95
    assert 5 < apart < 30


def test_composed_objects_become_masks_of_the_scene():
    scenes = [random_scene([PHOTO], 0, 128, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(len(scene.masks) for scene in scenes) > 5
    for scene in scenes:
        assert scene.masks.shape[1:] == scene.image.shape[:2]


def test_a_figure_is_one_connected_thing_within_its_square():
    for seed in range(8):
        colours, alpha = figure([PHOTO], 96, np.random.default_rng(seed))
        assert colours.shape == (96, 96, 3)
        count, labels = cv2.connectedComponents((alpha > 127).astype(np.uint8))
        sizes = np.bincount(labels.ravel())[1:]
        assert count >= 2
        assert sizes.max() > 0.95 * sizes.sum()
        assert 0.03 < (alpha > 127).mean() < 0.9


def test_figures_become_masks_alone_and_together(monkeypatch):
    monkeypatch.setattr(augment, "FIGURE_SCENE_CHANCE", 1.0)
    counts = []
    for seed in range(12):
        scene = random_scene([PHOTO], 0, 96, np.random.default_rng(seed))
        counts.append(len(scene.masks))
        if len(scene.masks) > 1:
            assert (scene.masks[:-1].any(axis=0) <= scene.masks[-1]).all()
    assert max(counts) >= 2


def test_a_union_joins_neighbours_only():
    masks = np.zeros((3, 40, 40), bool)
    masks[0, :10, :20] = masks[1, 10:20, :20] = masks[2, 35:, 35:] = True
    unions = [region_union(masks, np.random.default_rng(seed)) for seed in range(20)]
    found = [union for union in unions if union is not None]
    assert 0 < len(found) < 20
    for union in found:
        assert np.array_equal(union, masks[0] | masks[1])
        assert UNION_SHARES[0] <= union.mean() <= UNION_SHARES[1]


def test_one_region_has_no_union():
    assert region_union(np.ones((1, 8, 8), bool), np.random.default_rng(0)) is None


def test_dropped_branches_leave_the_mean_and_spare_evaluation():
    sam = initial_sam("tiny", 56).eval()
    images = torch.randn(2, 3, 56, 56)
    with torch.no_grad():
        plain = sam.image_encoder(images)
        drop_branches(sam, 0.5)
        assert torch.equal(sam.image_encoder(images), plain)
        sam.train()
        torch.manual_seed(0)
        outputs = [sam.image_encoder(images) for _ in range(2)]
    assert not torch.equal(outputs[0], outputs[1])


def test_a_dropped_attention_branch_is_dropped_for_whole_images():
    sam = initial_sam("tiny", 56)
    drop_branches(sam, 1.0 - 1e-9)
    block = sam.image_encoder.blocks[-2]
    tokens = torch.randn(2, 7, 7, 192)
    sam.train()
    torch.manual_seed(1)
    with torch.no_grad():
        kept = [block(tokens) for _ in range(12)]
    moved = torch.stack([(out - tokens).abs().amax(dim=(1, 2, 3)) > 0 for out in kept])
    assert moved.any()
    assert not moved.all()
    for out, image in [(out, i) for out in kept for i in range(2)]:
        changed = (out[image] - tokens[image]).abs().amax(dim=2) > 0
        assert changed.all() or not changed.any()


@pytest.mark.parametrize("chance", [0.0])
def test_no_chance_no_hooks(chance):
    sam = initial_sam("tiny", 56)
    drop_branches(sam, chance)
    assert not any(block.attn._forward_hooks for block in sam.image_encoder.blocks)


def _nested_photo(size: int = 64) -> SimpleNamespace:
    masks = np.zeros((5, size, size), bool)
    masks[0, 8:56, 16:48] = True
    masks[1, 8:20, 16:48] = masks[2, 20:36, 16:48] = masks[3, 36:56, 16:48] = True
    masks[4, :8, :8] = True
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3)).astype(np.uint8)
    return SimpleNamespace(image=image, masks=masks)


def test_a_whole_object_is_a_mask_that_holds_others():
    photo = _nested_photo()
    assert whole_objects(photo.masks) == [0]
    assert whole_objects(photo.masks[:0]) == whole_objects(photo.masks[1:]) == []
    colours, alpha = cut_out([photo], np.random.default_rng(0))
    assert colours.shape == (48, 32, 3)
    assert (alpha == 255).all()
    assert np.array_equal(colours, photo.image[8:56, 16:48])
    assert cut_out([PHOTO], np.random.default_rng(0)) is None


def test_portraits_become_masks_before_another_background(monkeypatch):
    monkeypatch.setattr(augment, "PORTRAIT_SCENE_CHANCE", 1.0)
    monkeypatch.setattr(augment, "UNION_CHANCE", 0.0)
    scenes = [random_scene([_nested_photo()], 0, 96, np.random.default_rng(i)) for i in range(12)]
    assert all(len(scene.masks) for scene in scenes)
    assert all(scene.masks.shape[1:] == scene.image.shape[:2] for scene in scenes)


def test_without_whole_objects_a_portrait_scene_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(augment, "PORTRAIT_SCENE_CHANCE", 1.0)
    monkeypatch.setattr(augment, "UNION_CHANCE", 0.0)
    photo = _nested_photo()
    photo.masks = photo.masks[4:]
    scene = random_scene([photo], 0, 64, np.random.default_rng(3))
    assert scene.image.std() > 30
