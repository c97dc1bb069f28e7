"""SAMs that this project did not build: `segment_anything`'s, fine-tuned ones, `transformers`'."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry
from segment_anything.modeling import Sam
from segment_anything.modeling.image_encoder import Block
from torch import Tensor, nn

from framework import DistributedSamPredictor, LocalShards
from framework.errors import PedbenchError
from framework.models.build import PIXEL_MEAN, PIXEL_STD, assemble, randomize
from framework.models.fingerprint import encoder_hash
from framework.models.interop.adopt import adopt, read_architecture
from framework.models.interop.transformers_sam import from_transformers, image_embeddings
from framework.models.named import architecture
from framework.split.edge import DistributedEncoder

if TYPE_CHECKING:
    from transformers import SamModel, SamProcessor

BOX = np.array([100, 50, 400, 300])


def stock(name: str = "tiny") -> Sam:
    """A plain `segment_anything` ``Sam`` with random weights."""
    made = assemble(architecture(name))
    randomize(made, 0)
    parts = made.image_encoder, made.prompt_encoder, made.mask_decoder
    return Sam(*parts, PIXEL_MEAN, PIXEL_STD).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def plain() -> Sam:
    return stock()


@pytest.mark.slow
def test_a_plain_sam_is_split_exactly_and_stays_as_it_was(plain, photos):
    before = copy.deepcopy(plain.state_dict())
    predictor = DistributedSamPredictor(plain, LocalShards(4), policy="strided")
    predictor.set_image(photos["landscape"])
    expected = SamPredictor(plain)
    expected.set_image(photos["landscape"])
    assert (predictor.features - expected.features).abs().max() < 1e-4
    for mine, theirs in zip(predictor.predict(box=BOX), expected.predict(box=BOX), strict=True):
        assert np.allclose(mine, theirs, atol=1e-3)
    assert all(type(block) is Block for block in plain.image_encoder.blocks)
    assert all(torch.equal(before[name], value) for name, value in plain.state_dict().items())
    assert predictor.model.image_encoder.pos_embed is plain.image_encoder.pos_embed


def test_automatic_masks_take_a_predictor_of_a_plain_sam(plain, photos):
    generator = SamAutomaticMaskGenerator(
        plain, points_per_side=2, pred_iou_thresh=-9, stability_score_thresh=-9
    )
    expected = generator.generate(photos["odd"])
    generator.predictor = DistributedSamPredictor(plain, LocalShards(2))
    found = generator.generate(photos["odd"])
    assert [mask["bbox"] for mask in found] == [mask["bbox"] for mask in expected]


def test_one_model_has_one_hash_however_it_came(plain, sam):
    assert encoder_hash(adopt(plain)) == encoder_hash(sam)
    assert adopt(sam) is sam


@pytest.mark.parametrize("name", ["vit_b", "vit_l", "vit_h"])
def test_official_shapes_are_recognised(name):
    with torch.device("meta"):
        made = sam_model_registry[name]()
    assert read_architecture(made) == architecture(name)


def test_a_fine_tuned_encoder_with_a_changed_linear_layer_is_split(photos):
    """As adapters do it: ``qkv`` is another module that does more."""

    class LowRank(nn.Module):
        def __init__(self, inner: nn.Linear) -> None:
            super().__init__()
            self.inner, self.low = inner, nn.Linear(inner.in_features, 2, bias=False)
            self.high = nn.Linear(2, inner.out_features, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) + self.high(self.low(x))

    sam = stock()
    torch.manual_seed(0)
    for block in sam.image_encoder.blocks:
        block.attn.qkv = LowRank(block.attn.qkv)
    predictor = DistributedSamPredictor(sam, LocalShards(4))
    predictor.set_image(photos["square"])
    expected = SamPredictor(sam)
    expected.set_image(photos["square"])
    assert (predictor.features - expected.features).abs().max() < 1e-4


def test_what_cannot_be_split_gets_one_line():
    class Outlook(Block):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + x.mean(dim=(1, 2), keepdim=True)

    peeking = stock()
    for block in peeking.image_encoder.blocks:
        block.__class__ = Outlook
    with pytest.raises(PedbenchError, match="Outlook gives other values on single windows"):
        adopt(peeking)

    windowless = stock()
    for block in windowless.image_encoder.blocks:
        block.window_size = 0
    with pytest.raises(PedbenchError, match="windows of sizes"):
        adopt(windowless)

    conv = stock()
    conv.image_encoder = nn.Conv2d(3, 8, 3)
    with pytest.raises(PedbenchError, match="Conv2d cannot be split"):
        adopt(conv)


def test_a_decoder_that_asks_for_more_is_refused_and_its_encoder_served(photos):
    sam = stock()

    class Hungry(type(sam.mask_decoder)):  # type: ignore[misc]
        def forward(self, image_embeddings, interm_embeddings, *rest):  # type: ignore[no-untyped-def]
            raise AssertionError

    sam.mask_decoder.__class__ = Hungry
    with pytest.raises(PedbenchError, match="also needs 'interm_embeddings'"):
        DistributedSamPredictor(sam, LocalShards(1))
    assert DistributedEncoder(sam, LocalShards(1)).sam.arch.name == "tiny"


def test_an_embedding_is_kept_and_taken_up_again(sam, photos, tmp_path):
    first = DistributedSamPredictor(sam, LocalShards(4))
    with pytest.raises(PedbenchError, match="call set_image first"):
        first.save_embedding(tmp_path / "none.safetensors")
    first.set_image(photos["landscape"])
    path = first.save_embedding(tmp_path / "photo.safetensors")
    later = DistributedSamPredictor(sam, LocalShards(4))
    later.load_embedding(path)
    for mine, theirs in zip(later.predict(box=BOX), first.predict(box=BOX), strict=True):
        assert np.array_equal(mine, theirs)


def test_a_foreign_or_damaged_embedding_is_refused(sam, photos, tmp_path):
    predictor = DistributedSamPredictor(sam, LocalShards(1))
    predictor.set_image(photos["square"])
    path = predictor.save_embedding(tmp_path / "photo.safetensors")
    other = stock()
    randomize(other, 1)
    with pytest.raises(PedbenchError, match="belongs to another model"):
        DistributedSamPredictor(other, LocalShards(1)).load_embedding(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PedbenchError, match="is damaged"):
        predictor.load_embedding(path)
    with pytest.raises(PedbenchError, match="does not exist"):
        predictor.load_embedding(tmp_path / "absent.safetensors")


def hugging_face(depth: int, width: int, heads: int, size: int) -> SamModel:
    from transformers import SamConfig, SamModel  # takes 5 s, which every collection would take

    config = SamConfig()
    vision = config.vision_config
    vision.num_hidden_layers, vision.hidden_size, vision.num_attention_heads = depth, width, heads
    vision.mlp_dim, vision.image_size = 4 * width, size
    vision.global_attn_indexes = list(range(1, depth, 2))
    config.prompt_encoder_config.image_size = size
    config.prompt_encoder_config.image_embedding_size = size // 16
    model = SamModel(config).eval()
    randomize(model, 0)
    return model


def processor(size: int) -> SamProcessor:
    from transformers import SamImageProcessor, SamProcessor  # as in `hugging_face`

    sides = {"height": size, "width": size}
    return SamProcessor(SamImageProcessor(size={"longest_edge": size}, pad_size=sides))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "heads"), [(768, 12), (1024, 16), (1280, 16)])
@pytest.mark.slow
def test_the_embedding_of_transformers_is_its_own(width, heads, photos):
    """Widths and heads of B, L and H; fewer blocks and a smaller input, to be quick."""
    model = hugging_face(2, width, heads, 240)
    ours = DistributedEncoder(from_transformers(model), LocalShards(4))
    inputs = processor(240)(images=photos["landscape"], return_tensors="pt")
    with torch.inference_mode():
        expected = model.get_image_embeddings(inputs["pixel_values"])
    found = image_embeddings(ours, inputs)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 1e-4


@pytest.mark.slow
def test_masks_go_back_through_the_processor(photos, tmp_path):
    model = hugging_face(4, 192, 3, 320)
    model.save_pretrained(tmp_path)
    sam = from_transformers(tmp_path)
    ours = DistributedEncoder(sam, LocalShards(4))
    prepare = processor(320)
    inputs = prepare(
        images=photos["landscape"], input_boxes=[[[100.0, 50.0, 400.0, 300.0]]], return_tensors="pt"
    )
    with torch.inference_mode():
        expected = model(**inputs, multimask_output=False)
        given = {name: value for name, value in inputs.items() if name != "pixel_values"}
        found = model(
            **given, image_embeddings=image_embeddings(ours, inputs), multimask_output=False
        )
    sizes = inputs["original_sizes"], inputs["reshaped_input_sizes"]
    (mask,) = prepare.post_process_masks(found.pred_masks, *sizes)
    (wanted,) = prepare.post_process_masks(expected.pred_masks, *sizes)
    assert mask.shape == wanted.shape == (1, 1, 400, 600)
    assert (mask != wanted).float().mean() < 1e-3


@pytest.mark.slow
def test_the_decoder_of_transformers_is_taken_over_too(photos):
    model = hugging_face(4, 192, 3, 320)
    predictor = DistributedSamPredictor(from_transformers(model), LocalShards(2))
    predictor.set_image(photos["landscape"])
    _, scores, _ = predictor.predict(box=BOX, multimask_output=True)
    inputs = predictor.transform.apply_boxes_torch(torch.as_tensor(BOX)[None], (400, 600)).float()
    with torch.inference_mode():
        expected = model(image_embeddings=predictor.features, input_boxes=inputs[None])
    assert np.allclose(scores, expected.iou_scores[0, 0].numpy(), atol=1e-4)


@pytest.mark.slow
def test_another_model_of_transformers_is_named():
    with pytest.raises(PedbenchError, match="Linear is not transformers' SamModel"):
        from_transformers(nn.Linear(1, 1))


@pytest.mark.slow
def test_a_folder_without_a_checkpoint_is_named(tmp_path):
    with pytest.raises(PedbenchError, match="holds no config"):
        from_transformers(tmp_path)
