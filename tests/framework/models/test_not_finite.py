"""NaN and infinity are an error with its cause, and no honest server is blamed for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from segment_anything.modeling import Sam

from bench.cli import main
from framework import DistributedSamPredictor, LocalShards, build_sam
from framework.compute.finite import NotFinite
from framework.models.build import PedSam
from framework.split.defences.base import Defence
from framework.split.payload import TOKEN_CODECS, Payload, encode_tokens
from framework.split.plans import PLANS
from framework.transport.answers import finite
from framework.transport.base import SeparateShards
from tests.framework.support import message_of

BOX = np.array([100, 60, 420, 330])
WEIGHTS = ("patch_embed.proj.weight", "blocks.0.mlp.lin1.weight", "neck.0.weight")


def with_weight(name: str, value: float) -> PedSam:
    sam = build_sam("tiny", "random")
    with torch.no_grad():
        sam.get_parameter(name).flatten()[0] = value
    return sam


@pytest.fixture(scope="module", params=WEIGHTS)
def bad(request) -> PedSam:
    return with_weight(f"image_encoder.{request.param}", float("nan"))


@pytest.mark.slow
@pytest.mark.parametrize("plan", sorted(PLANS))
def test_a_bad_weight_is_an_error_that_names_it_and_blames_no_server(bad, photos, plan):
    shards = SeparateShards(3)
    predictor = DistributedSamPredictor(bad, shards, plan=plan)
    with pytest.raises(NotFinite, match=r"weight 'image_encoder.*' is not finite"):
        predictor.set_image(photos["odd"])
    assert shards.quarantined == {}
    assert not predictor.is_image_set


@pytest.mark.parametrize("payload", [*TOKEN_CODECS, "pixels+int8"])
def test_no_payload_hides_infinity(photos, payload):
    sam = with_weight("image_encoder.blocks.0.mlp.lin2.bias", float("inf"))
    shards = LocalShards(3)
    with pytest.raises(NotFinite), np.errstate(all="ignore"):
        DistributedSamPredictor(sam, shards, payload=payload).set_image(photos["odd"])
    assert shards.quarantined == {}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("codec", TOKEN_CODECS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_codecs_keep_what_is_not_finite(codec, value):
    tokens = np.ones((1, 2, 4), np.float32)
    assert finite(encode_tokens(tokens * 1e5, codec))
    tokens[0, 1, 2] = value
    assert not finite(encode_tokens(tokens, codec))


def test_float16_that_overflows_is_named_as_the_cause(photos):
    sam = build_sam("tiny", "random", precision="float16")
    with torch.no_grad():
        sam.image_encoder.blocks[0].mlp.lin2.bias.fill_(6e4)
        sam.image_encoder.blocks[1].mlp.lin2.bias.fill_(6e4)
    predictor = DistributedSamPredictor(sam, LocalShards(2))
    assert "precision bfloat16 or float32" in message_of(lambda: predictor.set_image(photos["odd"]))


@pytest.mark.parametrize("plan", ["interleaved", "centralized"])
def test_a_server_alone_in_its_nan_is_at_fault(sam, photos, plan):
    class Spoiling(SeparateShards):
        def _serve(self, round_, shard, windows):
            answers = super()._serve(round_, shard, windows)
            return {w: _nan(a) for w, a in answers.items()} if shard == 1 else answers

        def _encode_image(self, round_, shard, payloads):
            answer = super()._encode_image(round_, shard, payloads)
            return _nan(answer) if shard == 0 else answer

    shards = Spoiling(3)
    found = DistributedSamPredictor(sam, shards, plan=plan)
    right = DistributedSamPredictor(sam, LocalShards(3), plan=plan)
    for predictor in (found, right):
        predictor.set_image(photos["odd"])
    assert (found.features - right.features).abs().max() <= 1e-5
    assert list(shards.quarantined) == ([0] if plan == "centralized" else [1])


def _nan(answer: Payload) -> Payload:
    data = answer.data.copy()
    data.flat[-1] = np.nan
    return Payload(answer.codec, data)


def test_honest_values_beyond_float16_are_no_fault(photos):
    sam = with_weight("image_encoder.blocks.0.mlp.lin2.bias", 1e5)
    shards = SeparateShards(3)
    found = DistributedSamPredictor(sam, shards)
    right = DistributedSamPredictor(sam, LocalShards(1), plan="local")
    for predictor in (found, right):
        predictor.set_image(photos["odd"])
    assert shards.quarantined == {}
    assert (found.features - right.features).abs().max() <= 1e-4


@pytest.mark.parametrize(
    "name", ["mask_decoder.iou_token.weight", "prompt_encoder.point_embeddings.2.weight"]
)
def test_a_mask_that_cannot_be_told_is_an_error(photos, name):
    sam = with_weight(name, float("nan"))
    predictor = DistributedSamPredictor(sam, LocalShards(1), plan="local")
    predictor.set_image(photos["odd"])
    assert name in message_of(lambda: predictor.predict(box=BOX))


def test_a_defence_that_gives_nan_is_named(sam, photos):
    class Broken(Defence):
        def protect(self, tokens, rng):
            return tokens * np.float32(np.nan)

    predictor = DistributedSamPredictor(sam, LocalShards(1), defence=Broken(1.0))
    assert "Broken" in message_of(lambda: predictor.set_image(photos["odd"]))


def test_segment_writes_no_mask_of_nan(tmp_path, photos, capsys):
    sam = with_weight("image_encoder.neck.0.weight", float("nan"))
    save_file(sam.state_dict(), tmp_path / "bad.safetensors")
    Image.fromarray(photos["odd"]).save(tmp_path / "photo.png")
    out = tmp_path / "mask.png"
    command = ["segment", str(tmp_path / "photo.png"), "--box", "40,10,300,110", "--out", str(out)]
    assert main([*command, "--checkpoint", str(tmp_path / "bad.safetensors")]) == 2
    assert "neck.0.weight" in capsys.readouterr().err
    assert not out.exists()


@pytest.fixture(scope="module")
def exact(photos) -> dict[str, torch.Tensor]:
    """Embeddings and masks of two photos in float32."""
    return outcomes(build_sam("tiny"), photos)


def outcomes(sam: PedSam, photos) -> dict[str, torch.Tensor]:
    predictor = DistributedSamPredictor(sam, LocalShards(2), seed=0)
    found = {}
    for name in ("landscape", "square"):
        predictor.set_image(photos[name])
        found[name] = predictor.features
        found[f"{name} mask"] = torch.as_tensor(predictor.predict(box=BOX)[0])
    return found


def stock_of(sam: PedSam) -> Sam:
    return Sam(sam.image_encoder, sam.prompt_encoder, sam.mask_decoder)


HALVES = {
    "float16": lambda: build_sam("tiny", precision="float16"),
    "bfloat16": lambda: build_sam("tiny", precision="bfloat16"),
    "half()": lambda: build_sam("tiny").half(),
    "bfloat16()": lambda: build_sam("tiny").to(torch.bfloat16),
    "adopted": lambda: stock_of(build_sam("tiny")).half(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HALVES)
def test_a_model_in_half_precision_tells_photos_apart_and_gives_their_masks(exact, photos, name):
    found = outcomes(HALVES[name](), photos)
    assert all(values.dtype in (torch.float32, torch.bool) for values in found.values())
    between = (found["landscape"] - found["square"]).norm() / found["square"].norm()
    assert between > 0.5
    for photo in ("landscape", "square"):
        error = (found[photo] - exact[photo]).norm() / exact[photo].norm()
        assert error < 0.05
        ours, theirs = found[f"{photo} mask"], exact[f"{photo} mask"]
        assert ((ours & theirs).sum((1, 2)) / (ours | theirs).sum((1, 2))).min() > 0.95
