"""The training recipe on two synthetic shapes, at a small input size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from framework.errors import PedbenchError
from framework.models.build import build_sam
from framework.training import export, train
from framework.training.objective import mask_losses
from framework.training.optimisation.start_and_rate import initial_sam
from framework.training.prompts import (
    correct,
    first_prompts,
    noisy_boxes,
    sample_pixels,
    tight_boxes,
)
from framework.training.resolution import fit_tables
from framework.training.scenes import augment
from framework.training.scenes.augment import random_scene
from framework.training.trainer import Trainer

pytestmark = pytest.mark.slow

SIZE = 56


@dataclass
class Shapes:
    image: np.ndarray
    masks: np.ndarray


def shapes() -> Shapes:
    """A red disc and a green square on grey."""
    y, x = np.mgrid[:120, :160]
    masks = np.stack(
        [(y - 50) ** 2 + (x - 45) ** 2 < 900, (abs(y - 70) < 30) & (abs(x - 115) < 28)]
    )
    image = np.full((120, 160, 3), 110, np.uint8)
    image[masks[0]], image[masks[1]] = (220, 40, 40), (40, 200, 60)
    return Shapes(image, masks)


def run(out: Path, steps: int, **options: object) -> Path:
    torch.set_num_threads(1)
    settings = {"batch": 2, "size": SIZE, "lr": 2e-3, "log_every": 1, "save_every": 2} | options
    model = str(settings.pop("model", "toy"))
    return train(model, [shapes()] * 4, out, steps=steps, **settings)  # type: ignore[arg-type]


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_few_steps_reduce_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for always_the_same_scene in ("FIGURE_SCENE_CHANCE", "COMPOSED_CHANCE", "UNION_CHANCE"):
        monkeypatch.setattr(augment, always_the_same_scene, 0.0)
    run(tmp_path, 30)
    found = losses(tmp_path)
    assert len(found) == 30
    assert np.mean(found[-6:]) < 0.8 * np.mean(found[:6])


def test_a_killed_run_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = torch.load(run(tmp_path / "whole", 5), weights_only=True)
    advance = Trainer.advance

    def killed(self: Trainer, *data: object) -> object:
        if self.step == 3:
            raise KeyboardInterrupt
        return advance(self, *data)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", 5)
    resumed = torch.load(run(tmp_path / "cut", 5), weights_only=True)
    assert resumed["step"] == whole["step"] == 5
    for name, value in whole["average"].items():
        torch.testing.assert_close(resumed["average"][name], value, msg=name)


def test_an_export_is_a_checkpoint_of_the_full_size(tmp_path: Path) -> None:
    target = export(run(tmp_path, 1, model="tiny"), tmp_path / "tiny.safetensors")
    sam = build_sam("tiny", target)
    assert sam.image_encoder.img_size == 256
    assert 9e6 < target.stat().st_size < 14e6
    assert sam.weights.source == "file"


def test_training_goes_on_from_an_export(tmp_path: Path) -> None:
    target = export(run(tmp_path / "first", 1), tmp_path / "toy.safetensors")
    run(tmp_path / "second", 1, init=target)
    with pytest.raises(PedbenchError, match="no weights at"):
        run(tmp_path / "third", 1, init=tmp_path / "missing.safetensors")


def test_photos_without_masks_are_refused(tmp_path: Path) -> None:
    empty = Shapes(shapes().image, np.zeros((0, 120, 160), bool))
    with pytest.raises(PedbenchError, match="no photo has a mask"):
        train("tiny", [empty], tmp_path, steps=1)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"not a state")
    with pytest.raises(PedbenchError, match="cannot be read"):
        run(tmp_path, 1)


def test_tables_keep_their_meaning_at_another_size() -> None:
    large, small = initial_sam("tiny"), initial_sam("tiny", SIZE)
    fitted = fit_tables(large.state_dict(), small.state_dict())
    small.load_state_dict(fitted)
    same = "image_encoder.blocks.0.attn.rel_pos_h"
    assert torch.equal(fitted[same], large.state_dict()[same])


def test_scenes_fit_the_input_and_depend_on_the_seed_alone() -> None:
    photos = [shapes()] * 3
    for seed in range(20):
        scene = random_scene(photos, 0, 64, np.random.default_rng(seed))
        again = random_scene(photos, 0, 64, np.random.default_rng(seed))
        assert max(scene.image.shape[:2]) == 64
        assert scene.masks.shape[1:] == scene.image.shape[:2]
        assert np.array_equal(scene.image, again.image)
        assert np.array_equal(scene.masks, again.masks)


def test_boxes_and_points_lie_on_their_masks() -> None:
    masks = torch.from_numpy(shapes().masks)
    generator = torch.Generator().manual_seed(0)
    assert tight_boxes(masks).tolist() == [[16, 21, 75, 80], [88, 41, 143, 100]]
    assert (noisy_boxes(masks, generator) - tight_boxes(masks)).abs().max() < 12
    prompts = first_prompts(masks, 1, 2.0, generator)
    assert prompts.boxes.shape == (1, 4)
    x, y = (prompts.points[1, 0] / 2).long().tolist()
    assert masks[1, y, x]


def test_a_correction_falls_into_the_error() -> None:
    masks = torch.from_numpy(shapes().masks)
    generator = torch.Generator().manual_seed(0)
    prompts = first_prompts(masks, 1, 1.0, generator)
    predicted = torch.stack([masks[0] | masks[1], torch.zeros_like(masks[1])])
    corrected = correct(prompts, predicted, masks, 1.0, generator)
    assert corrected.labels[:, 1].tolist() == [0.0, 1.0]


def test_pixels_are_drawn_by_weight() -> None:
    weights = torch.zeros(1, 4, 5)
    weights[0, 3, 2] = 1
    assert sample_pixels(weights, torch.Generator()).tolist() == [[2, 3]]


def test_a_perfect_mask_costs_nothing() -> None:
    masks = torch.from_numpy(shapes().masks)
    logits = torch.where(masks, 20.0, -20.0)[:, None]
    loss, quality = mask_losses(logits, masks)
    assert loss.max() < 1e-3
    assert quality.tolist() == [[1.0], [1.0]]
    assert mask_losses(-logits, masks)[0].min() > 1
