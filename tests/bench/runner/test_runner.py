"""A run: complete, and not undone by one bad image."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cli import main
from bench.recognition import RECOGNISERS
from bench.runner.folder.records import read_records
from bench.runner.run import run
from bench.spec.config import load_preset, read_config
from framework.errors import PedbenchError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
PRESET = """
model: toy
checkpoint: random
data: synthetic:2
public: ["synthetic:2@1"]
seeds: [0]
groups:
  - policy: random
    n_shards: [4]
    segmentation: true
    coalitions: {4: [1, 4]}
    attacks: [mean_colour, telea, ridge, ceiling]
  - {plan: [local, prefix], segmentation: true}
pictures:
  - {policy: random, coalition: 1}
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def preset(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(PRESET)
    return path


def carried_out(preset, folder, **options):
    """A run in this process, without its report."""
    config = replace(load_preset(str(preset)), **options)
    return run(config, folder, device="cpu", workers=1)


def test_a_run_is_complete_and_a_second_one_finds_nothing_to_do(tmp_path, preset, capsys):
    folder = tmp_path / "out"
    command = ["run", "--preset", str(preset), "--out", str(folder), "--workers", "1"]
    assert main(command) == 0
    assert "0 failed" in capsys.readouterr().out

    records = read_records(folder)
    assert set(records["status"]) <= {"ok", "not_applicable", "unsupported"}
    assert set(records.loc[records["status"] == "unsupported", "metric"]) <= {"lpips"}
    assert records["image_id"].nunique() == 2
    key = ["image_id", "plan", "policy", "n_shards", "coalition", "attack", "region", "metric"]
    assert not records.duplicated(key).any()
    for name in ("weights", "commit", "dataset_fingerprint", "device", "benchmark_version"):
        assert records[name].notna().all()
    assert records["weights"].str.startswith("random").all()
    assert (folder / "report.html").stat().st_size > 1000

    again = carried_out(preset, folder)
    assert again.new_units == 0
    assert again.total == len(records)
    check_scores(records, folder)


def check_scores(records, folder):
    """Facts that hold whatever the weights are."""

    def value(**settings):
        rows = records
        for name, wanted in settings.items():
            rows = rows[rows[name] == wanted]
        return rows["value"]

    ceiling = value(attack="ceiling", metric="psnr", region="hidden", coalition=1)
    assert (ceiling == 60).all()
    everything = records[(records["coalition"] == 4) & (records["region"] == "hidden")]
    assert set(everything.loc[everything["metric"] != "lpips", "status"]) == {"not_applicable"}
    exact = value(attack="", metric="agreement_box")
    assert len(exact) == 6
    assert (exact > 0.999).all()
    assert (value(attack="", metric="rounds", plan="interleaved") == 2).all()
    assert (value(attack="exposure", metric="visible_fraction", coalition=4) == 1).all()
    pictures = records.loc[records["image_file"].notna(), "image_file"].unique()
    assert len(pictures)
    for picture in pictures:
        assert np.asarray(Image.open(folder / picture)).dtype == np.uint8


def test_one_corrupt_image_is_a_record_and_the_rest_goes_on(tmp_path, preset, capsys):
    images = tmp_path / "data" / "images"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    entries, annotations = [], []
    for i, name in enumerate(("good.png", "bad.png", "fine.png"), 1):
        photo = rng.integers(0, 255, (60 + 9 * i, 80, 3), dtype=np.uint8)
        Image.fromarray(photo).save(images / name)
        entries.append({"id": i, "file_name": name, "height": 60 + 9 * i, "width": 80})
        box = [10, 10, 50, 10, 50, 40, 10, 40]
        annotations.append(
            {
                "id": i,
                "image_id": i,
                "category_id": 1,
                "segmentation": [box],
                "iscrowd": 0,
                "area": 1200,
                "bbox": [10, 10, 40, 30],
            }
        )
    (images / "bad.png").write_bytes(b"\x89PNG broken")
    categories = [{"id": 1, "name": "x"}]
    content = {"images": entries, "annotations": annotations, "categories": categories}
    (tmp_path / "data" / "instances.json").write_text(json.dumps(content))

    preset.write_text(PRESET.replace("telea, ridge, ceiling", "ceiling"))
    records = carried_out(preset, tmp_path / "out", data=f"coco:{tmp_path / 'data'}").records
    failed = records[records["status"] == "failed"]
    assert len(failed) == 1
    assert failed["metric"].item() == "load"
    assert "bad.png" in failed["error"].item()
    assert records.loc[records["status"] == "ok", "image_id"].nunique() == 2

    for name in ("good.png", "fine.png"):
        (images / name).write_bytes(b"\x89PNG broken")
    command = ["run", "--preset", str(preset), "--data", f"coco:{tmp_path / 'data'}"]
    assert main([*command, "--out", str(tmp_path / "none"), "--workers", "1"]) == 2
    assert "nothing could be measured: " in capsys.readouterr().err


TRAINED_ON = ["run", "--preset", "attacks", "--data", "package_photos", "--public", "synthetic:2"]
"""A run on photos that trained shipped weights."""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["run", "--preset", "quik"], "did you mean 'quick'"),
        (["run", "--data", "coco:/nowhere"], "/nowhere"),
        (["run", "--data", "embeded"], "did you mean 'embedded'"),
        (["run", "--attacks", "telee"], "did you mean 'telea'"),
        (["run", "--model", "vit_x"], "unknown model 'vit_x'"),
        (["run", "--checkpoint", "/nowhere.pth"], "/nowhere.pth does not exist"),
        (["run", "--limit", "0"], "--limit: '0'"),
        (["run", "--public", "embedded"], "embedded"),
        (
            [*TRAINED_ON, "--attacks", "gated_inpainting"],
            "the weights of gated_inpainting were trained on package_photos/",
        ),
        (["run", "--attacks", "gated_inpainting"], "give --preset attacks"),
        (["tables", "/nowhere"], "/nowhere"),
        (["list", "atacks"], "did you mean 'attacks'"),
        (["segment", "/nowhere.jpg", "--box", "1,2,3,4", "--out", "x.png"], "/nowhere.jpg"),
        (["segment", "/nowhere.jpg", "--box", "1,2,3", "--out", "x.png"], "'1,2,3'"),
        (["segment", "/nowhere.jpg", "--box", "9,2,3,4", "--out", "x.png"], "x0 < x1"),
        (["segment", "/nowhere.jpg", "--out", "x.png"], "give one prompt"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, arguments, reason):
    if arguments[0] == "run":
        arguments = [*arguments, "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("pedbench: error: ")
    assert reason in error
    assert "\n" not in error


def test_fewer_photos_than_before_leave_the_settings_of_all(tmp_path, preset):
    folder = tmp_path / "out"
    carried_out(preset, folder)
    done = carried_out(preset, folder, limit=1)
    assert done.new_units == 0
    assert done.records["image_id"].dropna().nunique() == 2
    assert read_config(folder / "config.yaml").limit is None


def test_fewer_photos_are_refused_where_recognisers_compare_all(tmp_path, preset, monkeypatch):
    folder = tmp_path / "out"
    judged = "recognise: [persons], recognise_on: [telea]"
    group = f"  - {{n_shards: [4], coalitions: {{4: [1]}}, attacks: [telea], {judged}}}\n"
    preset.write_text(preset.read_text().replace("pictures:", group + "pictures:"))
    carried_out(preset, folder)
    monkeypatch.setattr(RECOGNISERS.get("persons"), "needs_gallery", True)
    with pytest.raises(PedbenchError, match="holds more images, and recognisers compare all"):
        carried_out(preset, folder, limit=1)


def test_a_scene_that_cannot_be_shown_fails_its_own_cells_alone(tmp_path, preset, monkeypatch):
    def broken(*_):
        raise PedbenchError("the caps forbid more: raise them")

    monkeypatch.setattr("bench.runner.evaluation.evaluate.show", broken)
    moving = "  - {n_shards: [4], coalitions: {4: [1]}, attacks: [telea], frames: [2]}\n"
    preset.write_text(preset.read_text().replace("pictures:", moving + "pictures:"))
    records = carried_out(preset, tmp_path / "out").records
    failed = records[records["status"] == "failed"]
    assert set(failed["frames"]) == {2}
    assert failed["image_id"].nunique() == 2
    assert failed["error"].str.contains("the caps forbid more").all()


def test_a_folder_of_another_run_is_not_mixed_up(tmp_path, preset):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "config.yaml").write_text(preset.read_text().replace("synthetic:2", "embedded"))
    with pytest.raises(PedbenchError, match="another data"):
        carried_out(preset, folder)


ADAPTED = """
model: tiny
data: synthetic:1
public: []
seeds: [0]
groups:
  - {plan: local, segmentation: true}
  - {plan: globals_last, adapted: true, segmentation: true}
"""


def test_adapted_rows_name_the_adapted_weights(tmp_path):
    preset, out = tmp_path / "adapted.yaml", tmp_path / "out"
    preset.write_text(ADAPTED)
    rows = carried_out(preset, out).records
    stock, twin = rows[~rows["adapted"]], rows[rows["adapted"]]
    assert set(stock["model"]) == {"tiny"}
    assert set(twin["model"]) == {"tiny_globals_last"}
    facts = json.loads((out / "environment.json").read_text())
    assert set(stock["weights"]) == {facts["weights"]}
    assert set(twin["weights"]) == {facts["adapted_weights"]}
    assert facts["weights"] != facts["adapted_weights"]


def test_weights_of_ones_own_have_no_adapted_twin(tmp_path):
    preset = tmp_path / "adapted.yaml"
    preset.write_text(ADAPTED)
    own = tmp_path / "own.safetensors"
    own.write_bytes((ROOT / "framework/weights/tiny.safetensors").read_bytes())
    done = carried_out(preset, tmp_path / "out", checkpoint=str(own))
    twin = done.records.query("adapted")
    assert set(twin["status"]) == {"unsupported"}
    assert "pedbench adapt" in twin["error"].iloc[0]
