"""Scores of nothing, and scores that are no numbers (docs/scores.md)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import save_file

from bench.cli import main
from bench.metrics.miou import agreement, iou
from bench.recognition.boxes import as_boxes
from bench.recognition.detectors.sam_objects import best_ious
from bench.recognition.text.reading import Text, recall
from bench.runner.folder.records import score_record
from framework import build_sam

EMPTY = np.zeros((4, 4), bool)
FULL = np.ones((4, 4), bool)


def test_two_empty_masks_are_equal_and_one_shares_nothing():
    assert iou(EMPTY, EMPTY) == 1
    assert iou(EMPTY, FULL) == iou(FULL, EMPTY) == 0


def test_agreement_on_nothing_is_agreement():
    assert agreement(EMPTY[None], EMPTY[None]) == 1
    assert agreement(np.stack([EMPTY, EMPTY]), np.stack([EMPTY, FULL])) == 0.5
    assert agreement(EMPTY[:0, None], EMPTY[:0, None]) is None


def test_an_object_is_not_recovered_by_no_mask():
    assert best_ious(FULL[None], EMPTY[:0, None]).tolist() == [0]
    assert best_ious(EMPTY[:0, None], FULL[None]).size == 0


def test_a_word_without_characters_is_none():
    boxes = as_boxes([[0, 0, 9, 9], [20, 0, 29, 9]])
    assert recall(Text(("cat", " "), boxes), Text((), as_boxes([]))) == (0, 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), np.float32("nan")])
def test_what_is_no_number_is_no_score(value):
    record = score_record(value)
    assert record["status"] == "failed"
    assert "value" not in record


PRESET = """
model: toy
checkpoint: {checkpoint}
data: synthetic:1
public: ["synthetic:4@1"]
seeds: [0]
groups:
  - {{policy: random, n_shards: [4], plan: [interleaved, local], segmentation: true,
      coalitions: {{4: [1]}}, attacks: [mean_colour, ridge]}}
"""


@pytest.mark.slow
def test_a_run_of_a_model_that_gives_nan_has_failed_records(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))
    sam = build_sam("toy", "random")
    sam.image_encoder.neck[0].weight.flatten()[0] = float("nan")
    save_file(sam.state_dict(), tmp_path / "bad.safetensors")
    (tmp_path / "p.yaml").write_text(PRESET.format(checkpoint=tmp_path / "bad.safetensors"))
    command = ["run", "--preset", tmp_path / "p.yaml", "--out", tmp_path / "out", "--workers", 1]
    main([str(part) for part in command])
    records = pd.read_parquet(tmp_path / "out" / "records.parquet")
    segmented = records[records["attack"] == ""]
    assert set(segmented["status"]) == {"failed"}
    assert segmented["error"].str.contains("weight 'image_encoder.neck.0.weight'").all()
    assert records["value"].dropna().map(np.isfinite).all()
