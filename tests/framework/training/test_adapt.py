"""Adapting to `globals_last`: which weights go where, and that distilling brings it closer."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data
import torch

from framework import DistributedSamPredictor, LocalShards, PedbenchError, build_sam
from framework.models.architectures import globals_last
from framework.training import export
from framework.training.adapt import Adaptation, adapt, encode, rearrange
from framework.training.trainer import Trainer
from tests.toy_model import TOY

pytestmark = pytest.mark.slow

PHOTO = skimage.data.astronaut()


def photos():
    masks = np.zeros((2, *PHOTO.shape[:2]), bool)
    masks[0, 20:260, 150:300] = masks[1, 300:500, 40:400] = True
    return [SimpleNamespace(image=PHOTO, masks=masks)]


@pytest.fixture(scope="module")
def sam():
    return build_sam("tiny")


def toy():
    """A small model whose blocks change much, so that their order counts."""
    made = build_sam(TOY.name, "random")
    for name, value in made.image_encoder.blocks.named_parameters():
        if value.ndim > 1 and "rel_pos" not in name:
            value.mul_(3)
    return made


def test_moved_blocks_keep_their_weights_and_tables(sam):
    student = rearrange(sam, Adaptation())
    order = (0, 2, 4, 6, 1, 3, 5, 7)
    for place, block in enumerate(order):
        stock = sam.image_encoder.blocks[block].state_dict()
        for name, value in student.image_encoder.blocks[place].state_dict().items():
            assert torch.equal(value, stock[name]), (place, name)
    assert student.arch.name == "tiny_globals_last"
    assert student.arch.global_blocks == (4, 5, 6, 7)


def test_the_untrained_student_is_the_stock_model_on_the_globals_last_plan(sam):
    moved = DistributedSamPredictor(sam, LocalShards(4), plan="globals_last")
    moved.set_image(PHOTO)
    student = DistributedSamPredictor(
        rearrange(sam, Adaptation()), LocalShards(4), plan="globals_last"
    )
    student.set_image(PHOTO)
    assert student.encoder.plan.stock_order
    assert not moved.encoder.plan.stock_order
    assert torch.allclose(moved.features, student.features, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_global_blocks_see_the_same_offsets(sam, count):
    student = rearrange(sam, Adaptation(remaining=count))
    assert student.arch == globals_last(sam.arch, count)
    table = sam.image_encoder.blocks[1].attn.rel_pos_h
    middle = len(table) // 2
    window = student.image_encoder.blocks[1].attn.rel_pos_h
    assert torch.equal(window, table[middle - 6 : middle + 7])


def test_converted_blocks_stay_in_place_and_continue_their_tables(sam):
    student = rearrange(sam, Adaptation(converted=True))
    stock = sam.image_encoder.blocks[4].attn.rel_pos_w
    table = student.image_encoder.blocks[4].attn.rel_pos_w
    middle = len(table) // 2
    assert torch.equal(table[middle - 6 : middle + 7], stock)
    assert torch.equal(table[0], stock[0])
    assert torch.equal(table[-1], stock[-1])


def test_position_may_be_added_after_the_windows_are_back(sam):
    student = rearrange(sam, Adaptation())
    images = torch.randn(1, 3, 256, 256)
    with torch.no_grad():
        assert torch.equal(encode(student, images), student.image_encoder(images))
        late = encode(student, images, "edge")
        student.image_encoder.pos_embed.zero_()
        assert not torch.allclose(late, encode(student, images), atol=1e-3)


@pytest.mark.parametrize("trained", ["globals", "all"])
def test_distilling_comes_closer_to_the_stock_embedding(tmp_path, trained):
    sam = toy()
    adaptation = Adaptation(trained=trained)
    options = {"steps": 20, "batch": 2, "prompts": 2, "lr": 2e-4}
    state = adapt(sam, photos(), tmp_path, adaptation=adaptation, **options)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 20
    adapted = build_sam("toy_globals_last", export(state, tmp_path / "a.safetensors"))
    errors = []
    for student in (rearrange(sam, adaptation), adapted):
        predictor = DistributedSamPredictor(student, LocalShards(2), plan="globals_last")
        predictor.set_image(PHOTO)
        stock = DistributedSamPredictor(sam, LocalShards(1), plan="local")
        stock.set_image(PHOTO)
        errors.append(float((predictor.features - stock.features).norm() / stock.features.norm()))
    assert errors[1] < 0.7 * errors[0], errors
    first, second = (m.image_encoder.blocks[0].mlp.lin1.weight for m in (sam, adapted))
    same = torch.allclose(first, second, atol=1e-3)
    assert same if trained == "globals" else not torch.equal(first, second)


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    sam = toy()
    options = {"batch": 1, "prompts": 2, "save_every": 1, "steps": 3}
    whole = adapt(sam, photos(), tmp_path / "whole", **options)
    advance = Trainer.advance

    def killed(self, *data):
        if self.step == 2:
            raise KeyboardInterrupt
        return advance(self, *data)

    monkeypatch.setattr(Trainer, "advance", killed)
    with pytest.raises(KeyboardInterrupt):
        adapt(sam, photos(), tmp_path / "cut", **options)
    monkeypatch.setattr(Trainer, "advance", advance)
    resumed = adapt(sam, photos(), tmp_path / "cut", **options)
    one, two = (torch.load(path, weights_only=True) for path in (whole, resumed))
    assert one["step"] == two["step"] == 3
    for name, value in one["average"].items():
        assert torch.allclose(value, two["average"][name], atol=1e-6), name


@pytest.mark.parametrize("wrong", [{"trained": "some"}, {"position": "sky"}])
def test_unknown_choices_name_the_known_ones(wrong):
    with pytest.raises(PedbenchError, match="globals, all and one of shard, edge"):
        Adaptation(**wrong)


def test_more_global_blocks_than_there_are(sam):
    with pytest.raises(PedbenchError, match="can keep 1 to 4"):
        rearrange(sam, Adaptation(remaining=5))


def test_photos_without_masks(sam, tmp_path):
    empty = SimpleNamespace(image=PHOTO, masks=np.zeros((0, *PHOTO.shape[:2]), bool))
    with pytest.raises(PedbenchError, match="needs photos with masks"):
        adapt(sam, [empty], tmp_path, steps=1)
