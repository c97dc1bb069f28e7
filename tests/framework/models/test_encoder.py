"""An encoder that is not SAM's is split once its parts are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from framework import DistributedSamPredictor, LocalShards, PedbenchError, build_sam
from framework.models.architectures import Architecture
from framework.models.build import assemble
from framework.models.encoder import ENCODERS, Encoder
from framework.models.encoders.sam_vit import SamVit
from framework.models.fingerprint import encoder_hash
from framework.models.interop.adopt import adopt
from framework.models.named import architecture
from framework.split.edge import DistributedEncoder
from framework.training.optimisation.start_and_rate import initial_sam
from framework.warn import warn_once
from tests.framework.support import frame_of, message_of

SIZES = Architecture("own_vit", 96, 8, 5, 32, 3, 4, (1,), 128, 1024)
GRID, SIDE = SIZES.grid_size, SIZES.window_size


class Layer(nn.Module):
    """Attention, then an MLP, on sequences of tokens; padding is masked, not attended to."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(SIZES.width, SIZES.heads, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(SIZES.width, 48), nn.GELU(), nn.Linear(48, SIZES.width))

    def forward(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        mixed, _ = self.attention(tokens, tokens, tokens, key_padding_mask=padding)
        tokens = tokens + mixed
        return tokens + self.feed(tokens)


class Toy(nn.Module):
    """A ViT whose parts have none of the names of SAM's."""

    def __init__(self) -> None:
        super().__init__()
        self.img_size = SIZES.img_size
        self.stem = nn.Conv2d(3, SIZES.width, SIZES.patch_size, SIZES.patch_size)
        self.where = nn.Parameter(torch.randn(1, GRID, GRID, SIZES.width))
        self.layers = nn.ModuleList(Layer() for _ in range(SIZES.depth))
        self.head = nn.Linear(SIZES.width, SIZES.prompt_width)

    def run(self, index: int, x: Tensor) -> Tensor:
        """A block on whole maps, its windows cut by padding and reshaping."""
        if index in SIZES.global_blocks:
            return self.layers[index](x.flatten(1, 2)).view(x.shape)
        batch, rows, columns, width = x.shape
        down, across = -(-rows // SIDE), -(-columns // SIDE)
        missing = (0, 0, 0, across * SIDE - columns, 0, down * SIDE - rows)
        cells = torch.cat([x, x.new_zeros(batch, rows, columns, 1)], -1)
        cells = torch.cat(
            [F.pad(cells[..., :-1], missing), F.pad(cells[..., -1:], missing, value=1)], -1
        )
        cells = cells.view(batch, down, SIDE, across, SIDE, width + 1).transpose(2, 3)
        windows = cells.reshape(-1, SIDE * SIDE, width + 1)
        found = self.layers[index](windows[..., :-1], windows[..., -1] > 0)
        found = found.view(batch, down, across, SIDE, SIDE, width).transpose(2, 3)
        return found.reshape(batch, down * SIDE, across * SIDE, width)[:, :rows, :columns]

    def forward(self, image: Tensor) -> Tensor:
        tokens = self.stem(image).permute(0, 2, 3, 1) + self.where
        for index in range(SIZES.depth):
            tokens = self.run(index, tokens)
        return self.head(tokens).permute(0, 3, 1, 2)


class ToyEncoder(Encoder):
    module: Toy

    @classmethod
    def models(cls):
        return (SIZES,)

    @classmethod
    def build(cls, arch: Architecture) -> nn.Module:
        return Toy()

    @classmethod
    def reads(cls, module: nn.Module) -> bool:
        return isinstance(module, Toy)

    def architecture(self) -> Architecture:
        return replace(SIZES, decoder_mlp=0)

    @property
    def positions(self) -> Tensor:
        return self.module.where

    def patches(self, image: Tensor) -> Tensor:
        return self.module.stem(image).permute(0, 2, 3, 1)

    def windows(self, blocks, tokens, source, slots):
        for index in blocks:
            held = F.pad(tokens, (0, 0, 0, 1))[source]
            found = self.module.layers[index](held, source == len(tokens))
            tokens = found.flatten(0, 1)[slots]
        return tokens

    def maps(self, blocks, tokens):
        for index in blocks:
            tokens = self.module.run(index, tokens)
        return tokens

    def neck(self, tokens: Tensor) -> Tensor:
        return self.module.head(tokens).permute(0, 3, 1, 2).float()


class Mistaken(ToyEncoder):
    """Lets tokens attend to the padding of their window."""

    def windows(self, blocks, tokens, source, slots):
        for index in blocks:
            held = F.pad(tokens, (0, 0, 0, 1))[source]
            tokens = self.module.layers[index](held).flatten(0, 1)[slots]
        return tokens


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = assemble(replace(architecture("tiny"), img_size=SIZES.img_size))
    made.image_encoder = Toy()
    plain = type(made).__mro__[1](made.image_encoder, made.prompt_encoder, made.mask_decoder)
    return plain.eval().requires_grad_(False)


@pytest.fixture
def installed(monkeypatch):
    def add(part):
        ENCODERS.names()
        monkeypatch.setitem(ENCODERS._parts, "own_vit", part)

    return add


@pytest.mark.parametrize("plan", ["interleaved", "prefix", "centralized"])
@pytest.mark.parametrize("payload", ["float32", "pixels"])
def test_another_encoder_is_split_exactly(model, installed, plan, payload):
    installed(ToyEncoder)
    frame = np.random.default_rng(0).integers(0, 256, (70, 96, 3), dtype=np.uint8)
    encoder = DistributedEncoder(model, LocalShards(3), plan=plan, payload=payload, policy="random")
    image = model.preprocess(torch.as_tensor(frame).permute(2, 0, 1)[None])
    assert torch.allclose(encoder(frame), model.image_encoder(image), atol=1e-4)
    assert encoder.sam.encoder_class is ToyEncoder
    assert encoder.sam.arch == SIZES
    assert len(encoder_hash(encoder.sam)) == 32


def test_an_encoder_whose_windows_differ_is_refused(model, installed):
    installed(Mistaken)
    with pytest.raises(PedbenchError, match="block 0 gives other values on single windows"):
        adopt(model)


def test_its_models_are_built_by_name(installed, tmp_path):
    installed(ToyEncoder)
    made = build_sam("own_vit", "random")
    assert isinstance(made.runtime, ToyEncoder)
    assert made.arch == architecture("own_vit") == SIZES
    path = tmp_path / "toy.safetensors"
    save_file(build_sam("own_vit", "random", seed=1).state_dict(), path)
    given = build_sam("own_vit", path)
    assert encoder_hash(given) != encoder_hash(made)
    predictor = DistributedSamPredictor(given, LocalShards(2))
    predictor.set_image(frame_of(70, 96))
    masks, _, _ = predictor.predict(box=np.array([5, 5, 60, 60]), multimask_output=False)
    assert masks.shape == (1, 70, 96)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: build_sam("own_vit"),
            "no weights for 'own_vit' are shipped: give --checkpoint FILE",
        ),
        (lambda: build_sam("own_vit", "random", compile=True), "neither compiled nor in ONNX"),
        (lambda: build_sam("own_vit", "random", precision="int8"), "nor int8"),
        (lambda: build_sam("own_vit", "random", runtime="onnx"), "nor in ONNX"),
        (lambda: initial_sam("own_vit"), "'own_vit' is trained by the package it comes from"),
    ],
)
def test_what_its_models_cannot_do_is_one_line(installed, call, words):
    installed(ToyEncoder)
    assert words in message_of(call)


def test_a_model_name_that_is_taken_stays_with_its_first_owner(installed, capsys):
    class Greedy(ToyEncoder):
        name = "greedy"

        @classmethod
        def models(cls):
            return (replace(SIZES, name="tiny"),)

    installed(Greedy)
    warn_once.cache_clear()
    assert architecture("tiny").img_size == 256
    told = "encoders 'sam_vit' and 'own_vit' both have a model 'tiny': 'sam_vit' keeps it"
    assert told in capsys.readouterr().err


def test_an_encoder_that_none_knows_is_refused_as_sam_s(model):
    assert not SamVit.reads(model.image_encoder)
    with pytest.raises(PedbenchError, match="Toy cannot be split"):
        adopt(model)


@pytest.mark.parametrize("name", ["toy", "own_vit"])
def test_the_patch_embedding_of_any_encoder_is_a_linear_map(installed, name):
    installed(ToyEncoder)
    encoder = build_sam(name, "random").runtime
    side = encoder.architecture().patch_size
    image = torch.randn(1, 3, side, side)
    weight, bias = Encoder.patch_map(encoder)
    token = weight @ image[0].permute(1, 2, 0).flatten().double() + bias
    assert torch.allclose(token, encoder.patches(image).flatten().double(), atol=1e-5)
    for probed, said in zip((weight, bias), encoder.patch_map(), strict=True):
        assert torch.allclose(probed, said, atol=1e-6)
