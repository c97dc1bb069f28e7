"""Attention is computed in the way that suits the device; every way gives stock's result."""

from __future__ import annotations

import pytest
import torch
from segment_anything.modeling.image_encoder import Attention
from torch import nn

from framework.models import attention, kernels
from framework.models.attention import FoldedAttention
from framework.models.kernels import Kernel, Work, choose, free_memory, maps_held

GIB = 2**30
F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16
GLOBAL, WINDOW = 64 * 64, 14 * 14
VIT_B = 64 + 64 + 64
"""Width of a head with its positions folded in."""


@pytest.mark.parametrize(
    ("device", "dtype", "tokens", "free", "way"),
    [
        ("cpu", F32, WINDOW, 0, Kernel.FOLDED),
        ("cpu", F32, GLOBAL, 0, Kernel.CHUNKED),
        ("cpu", BF16, GLOBAL, 0, Kernel.CHUNKED),
        ("cuda", F32, WINDOW, 80 * GIB, Kernel.PLAIN),
        ("cuda", F32, GLOBAL, 80 * GIB, Kernel.PLAIN),
        ("cuda", F32, GLOBAL, GIB // 4, Kernel.CHUNKED),
        ("cuda", F16, GLOBAL, GIB // 4, Kernel.FUSED),
        ("cuda", BF16, GLOBAL, 80 * GIB, Kernel.FUSED),
        ("cuda", F16, WINDOW, 80 * GIB, Kernel.PLAIN),
        ("mps", F16, GLOBAL, 8 * GIB, Kernel.PLAIN),
        ("mps", F32, GLOBAL, GIB // 4, Kernel.CHUNKED),
    ],
)
def test_the_way_suits_the_device(device, dtype, tokens, free, way):
    assert choose(Work(device, dtype, tokens, VIT_B), free) is way


def test_heads_too_wide_for_a_flash_kernel_take_stocks_products():
    assert choose(Work("cuda", F16, GLOBAL, 264), 80 * GIB) is Kernel.PLAIN


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("dtype", [F32, BF16])
def test_training_never_takes_a_way_without_gradients(device, dtype):
    work = Work(device, dtype, GLOBAL, VIT_B, gradients=True)
    assert choose(work, 1) is not Kernel.CHUNKED
    assert maps_held(work, 1) is None


def test_logits_are_held_for_as_many_heads_as_fit():
    work = Work("cuda", F32, GLOBAL, VIT_B)
    assert work.map_bytes == 2 * 4 * GLOBAL**2
    assert maps_held(work, 80 * GIB) == kernels.MOST_HELD // work.map_bytes == 4
    assert maps_held(work, GIB) == 2
    assert maps_held(work, 0) == 1


def test_free_memory_is_asked_once(monkeypatch):
    asked = []
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: asked.append(device) or (7, 9))
    kernels._free_at_first.cache_clear()
    gpu = torch.device("cuda", 3)
    assert free_memory(gpu) == free_memory(gpu) == 7
    assert asked == [gpu]
    assert free_memory(torch.device("cpu")) == 0
    kernels._free_at_first.cache_clear()


GRID, HEADS = (20, 15), 3


@pytest.fixture(params=[8, 10], ids=["width 43", "width 45"])
def module(request):
    """Stock attention with random weights."""
    torch.manual_seed(0)
    width = HEADS * request.param
    stock = Attention(width, HEADS, use_rel_pos=True, input_size=GRID).requires_grad_(False)
    for table in (stock.rel_pos_h, stock.rel_pos_w):
        nn.init.normal_(table)
    return stock


@pytest.fixture
def tokens(module):
    return torch.randn(2, *GRID, module.qkv.in_features)


@pytest.mark.parametrize("way", Kernel)
@pytest.mark.parametrize("held", [1, 20 * 15 * 15 * 7, 20 * 15 * 300 * 2, 2**22])
def test_every_way_gives_stocks_result(monkeypatch, module, tokens, way, held):
    expected = module(tokens)
    monkeypatch.setattr(attention, "choose", lambda work, free: way)
    monkeypatch.setattr(attention, "maps_held", lambda work, free: max(1, held // 90_000))
    monkeypatch.setattr(attention, "HELD", held)
    folded = FoldedAttention.convert(module, GRID)
    found = folded(tokens)
    assert found.std() > 0.1
    assert (found - expected).abs().max() <= 2e-5


@pytest.mark.parametrize("way", [Kernel.PLAIN, Kernel.FOLDED, Kernel.FUSED])
def test_every_way_of_training_has_stocks_gradients(monkeypatch, module, tokens, way):
    first, second = (tokens.clone().requires_grad_() for _ in range(2))
    module(first).square().sum().backward()
    monkeypatch.setattr(attention, "choose", lambda work, free: way)
    FoldedAttention.convert(module, GRID)(second).square().sum().backward()
    assert torch.allclose(first.grad, second.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("way", Kernel)
def test_the_whole_encoder_is_stocks_in_every_way(monkeypatch, sam, stock_sam, way):
    image = torch.randn(2, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(attention, "choose", lambda work, free: way)
    with torch.inference_mode():
        found, expected = sam.image_encoder(image), stock_sam.image_encoder(image)
    assert (found - expected).abs().max() <= 2e-5
