"""Weights: where they come from, and one clear line for each that does not fit."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from framework import build_sam
from framework.files.download import sha256_of
from framework.models import checkpoint as checkpoint_module
from framework.models.architectures import ARCHITECTURES
from framework.models.named import architecture
from tests.framework.support import message_of


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    sam = build_sam("tiny", "random", seed=3)
    return {name: tensor.clone() for name, tensor in sam.state_dict().items()}


def written(state: object, path: Path) -> Path:
    """Save ``state`` in the format that the suffix of ``path`` says."""
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


@pytest.fixture(params=["pth", "safetensors"])
def path(request, tmp_path) -> Path:
    return tmp_path / f"weights.{request.param}"


def test_a_file_is_read_as_it_was_written(state, path):
    written(state, path)
    sam = build_sam("tiny", path)
    assert (sam.weights.source, sam.weights.trained, sam.weights.path) == ("file", True, path)
    assert sam.weights.sha256 == sha256_of(path)
    assert not sam.training
    loaded = sam.state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_half_precision_files_become_float32(state, path):
    written({name: tensor.half() for name, tensor in state.items()}, path)
    sam = build_sam("tiny", str(path))
    assert {t.dtype for t in sam.state_dict().values()} == {torch.float32}


def test_random_weights_say_so():
    sam = build_sam("tiny", "random", seed=4)
    assert (sam.weights.source, sam.weights.trained, sam.weights.path) == ("random", False, None)
    assert "4" in sam.weights.sha256


def test_random_weights_follow_the_seed():
    first, again, other = (build_sam("tiny", "random", seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["image_encoder.pos_embed"], other["image_encoder.pos_embed"])


@pytest.mark.parametrize("name", ["tiny", "tiny_globals_last"])
def test_folding_adds_nothing_to_a_checkpoint(name):
    folded, stock = (build_sam(name, "random", attention=a) for a in ("folded", "stock"))
    assert folded.state_dict().keys() == stock.state_dict().keys()


def test_missing_file(tmp_path):
    text = message_of(lambda: build_sam("tiny", tmp_path / "nowhere.pth"))
    assert "nowhere.pth does not exist" in text


def test_a_folder_given_as_checkpoint_is_called_one(tmp_path):
    text = message_of(lambda: build_sam("tiny", tmp_path))
    assert f"{tmp_path} is a folder: give a .pth or .safetensors file" in text
    assert "/dev/null is not a file" in message_of(lambda: build_sam("tiny", "/dev/null"))


def renamed(state, change):
    return {change(name): tensor for name, tensor in state.items()}


WRAPPED = {
    "state_dict": lambda s: {"state_dict": s, "epoch": 3},
    "model": lambda s: {"model": s, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}},
    "model_state_dict": lambda s: {"model_state_dict": s},
    "deep": lambda s: {"checkpoint": {"model": s}},
    "parallel": lambda s: renamed(s, "module.{}".format),
    "compiled": lambda s: renamed(s, "_orig_mod.{}".format),
    "compiled encoder": lambda s: renamed(
        s, lambda n: n.replace("image_encoder.", "image_encoder._orig_mod.")
    ),
    "lightning": lambda s: {"state_dict": renamed(s, "model.{}".format), "global_step": 9},
    "all": lambda s: {"model": renamed(s, "_orig_mod.module.sam.{}".format)},
    "teacher beside": lambda s: {
        "student": s,
        "teacher": renamed({n: t for n, t in s.items() if "pos_embed" in n}, "module.{}".format),
    },
}


@pytest.mark.parametrize("form", WRAPPED)
def test_a_wrapped_checkpoint_is_unwrapped(state, tmp_path, form):
    path = written(WRAPPED[form](state), tmp_path / "wrapped.pth")
    loaded = build_sam("tiny", path).state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_prefixed_safetensors_are_read(state, tmp_path):
    path = written(renamed(state, "module.{}".format), tmp_path / "ddp.safetensors")
    loaded = build_sam("tiny", path).state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_two_sets_of_weights_in_one_file_are_refused(state, tmp_path):
    path = written({"model": state, "ema": state}, tmp_path / "ema.pth")
    text = message_of(lambda: build_sam("tiny", path))
    assert "several sets of weights ('model.image_encoder.pos_embed', 'ema.image_enc" in text
    twice = state | renamed(state, "module.{}".format)
    text = message_of(lambda: build_sam("tiny", written(twice, path)))
    assert "does not belong to it" in text


def test_a_wrapped_checkpoint_that_lacks_a_tensor_names_it(state, path):
    partial = renamed(state, "module.{}".format)
    del partial["module.mask_decoder.iou_token.weight"]
    text = message_of(lambda: build_sam("tiny", written(partial, path)))
    assert "lacks 'mask_decoder.iou_token.weight'" in text


def test_no_shipped_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SHIPPED", tmp_path)
    assert "pedbench train" in message_of(lambda: build_sam("tiny"))


def test_shipped_weights(state, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SHIPPED", tmp_path)
    written(state, tmp_path / "tiny.safetensors")
    assert build_sam("tiny").weights.source == "shipped"


def test_official_weights_come_through_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path))
    asked = []

    def fetch(url, target, sha256):
        asked.append((url, target, sha256))
        return target

    monkeypatch.setattr(checkpoint_module, "fetch", fetch)
    weights = checkpoint_module.locate_weights(architecture("vit_b"))
    assert weights.source == "official"
    [(url, target, sha256)] = asked
    assert url.startswith("https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_")
    assert target == tmp_path / "sam_vit_b_01ec64.pth"
    assert sha256 == "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.999])
def test_truncated(state, path, kept):
    content = written(state, path).read_bytes()
    path.write_bytes(content[: kept if kept > 1 else int(kept * len(content))])
    text = message_of(lambda: build_sam("tiny", path))
    assert str(path) in text
    assert "damaged" in text


@pytest.mark.parametrize("content", [b"<html>404</html>", b"\x80\x02garbage", bytes(range(256))])
def test_not_a_weight_file(path, content):
    path.write_bytes(content)
    assert "damaged or not a weight file" in message_of(lambda: build_sam("tiny", path))


class Trap:
    """Unpickling this would create a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("writer", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o, 2))])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, writer):
    path, target = tmp_path / "evil.pth", tmp_path / "ran"
    writer({"image_encoder.pos_embed": Trap(target)}, path)
    assert "damaged or not a weight file" in message_of(lambda: build_sam("tiny", path))
    assert not target.exists()


def test_another_architecture_is_named(path):
    state = build_sam("tiny_globals_last", "random").state_dict()
    text = message_of(lambda: build_sam("tiny", written(state, path)))
    assert "is not a 'tiny' checkpoint" in text
    assert "looks like 'tiny_globals_last'" in text


def test_a_large_model_is_recognised_from_its_shapes(state, path):
    expected = {
        name: torch.empty(tensor.shape, dtype=torch.float16)
        for name, tensor in meta_state("vit_l").items()
        if "pos_embed" in name or "rel_pos" in name
    }
    text = message_of(lambda: build_sam("tiny", written(expected, path)))
    assert "looks like 'vit_l'" in text


def meta_state(name: str) -> dict[str, torch.Tensor]:
    from framework.models.build import assemble

    with torch.device("meta"):
        return assemble(ARCHITECTURES[name]).state_dict()


def test_a_missing_tensor_is_named(state, path):
    partial = dict(state)
    del partial["mask_decoder.iou_token.weight"]
    text = message_of(lambda: build_sam("tiny", written(partial, path)))
    assert "lacks 'mask_decoder.iou_token.weight'" in text


def test_a_misshapen_tensor_is_named(state, path):
    changed = state | {"mask_decoder.iou_token.weight": torch.zeros(1, 5)}
    text = message_of(lambda: build_sam("tiny", written(changed, path)))
    assert "'mask_decoder.iou_token.weight' has shape (1, 5), not (1, 128)" in text


def test_a_foreign_tensor_is_named(state, path):
    changed = state | {"head.weight": torch.zeros(1, 5)}
    text = message_of(lambda: build_sam("tiny", written(changed, path)))
    assert "'head.weight' does not belong" in text


@pytest.mark.parametrize("content", [[1, 2], {"model": {}}, {0: torch.zeros(1)}, torch.zeros(3)])
def test_a_pth_without_named_tensors(tmp_path, content):
    path = written(content, tmp_path / "odd.pth")
    assert "is not a 'tiny' checkpoint" in message_of(lambda: build_sam("tiny", path))


def test_notes_beside_the_tensors_do_no_harm(state, tmp_path):
    path = written(state | {"epoch": 7}, tmp_path / "noted.pth")
    assert build_sam("tiny", path).weights.source == "file"


def test_unknown_model_and_attention():
    assert "did you mean 'vit_b'" in message_of(lambda: build_sam("vitb", "random"))
    text = message_of(lambda: build_sam("tiny", "random", attention="flash"))
    assert "known are folded, stock" in text


def test_tiny_is_as_small_as_it_should_be(sam):
    assert 5e6 < sum(p.numel() for p in sam.parameters()) < 7e6
    assert sam.image_encoder.patch_embed.proj.weight.shape == (192, 3, 8, 8)
