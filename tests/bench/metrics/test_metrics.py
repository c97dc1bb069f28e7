"""Reconstruction metrics: known answers, other implementations, independence of regions."""

from __future__ import annotations

import warnings

import cv2
import lpips as reference_lpips
import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from bench.metrics import METRICS, MetricUnavailable
from bench.metrics.lpips import Lpips, PerceptualDistance
from bench.metrics.psnr import Psnr
from bench.metrics.ssim import Moments, Ssim, erode, ssim_map
from bench.metrics.trunks import alexnet as trunk
from bench.metrics.trunks import lpips_jax
from framework.errors import PedbenchError

HEIGHT, WIDTH = 96, 128
EVERYWHERE = np.ones((HEIGHT, WIDTH), dtype=bool)
NOWHERE = ~EVERYWHERE


def random_trunk(seed: int = 0) -> trunk.Trunk:
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for index, (height, width, ins, outs) in lpips_jax.KERNELS.items():
        scale = (height * width * ins) ** -0.5
        kernel = torch.randn(outs, ins, height, width, generator=generator) * scale
        weights[f"features.{index}.weight"] = kernel
        weights[f"features.{index}.bias"] = torch.zeros(outs)
    return weights


@pytest.fixture
def known_trunk(monkeypatch) -> trunk.Trunk:
    """A random trunk that passes for AlexNet's, for what does not depend on the weights."""
    weights = random_trunk()
    monkeypatch.setattr(trunk, "TRUNK_SHA256", trunk.digest(weights))
    return weights


@pytest.fixture(params=["psnr", "ssim", "lpips"])
def metric(request, known_trunk):
    return Lpips(known_trunk) if request.param == "lpips" else METRICS.get(request.param)()


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return cv2.resize(astronaut(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def noisy(truth) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 20, truth.shape)
    return np.clip(truth + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def region() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[:56, :56] = True
    mask[56:, 40:100] = True
    return mask


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]


def test_the_registry_knows_them():
    assert {"lpips", "psnr", "ssim"} <= set(METRICS.names())
    for name, kind in METRICS.items():
        assert kind.name == name
        assert kind.summary
    assert METRICS.get("psnr").higher_is_worse
    assert not METRICS.get("lpips").higher_is_worse


def test_identical_pictures(metric, truth, region):
    best = {"psnr": 60.0, "ssim": 1.0, "lpips": 0.0}[metric.name]
    scores = metric.score_many(truth, [truth.copy()], [EVERYWHERE, region, ~region])
    assert scores == [[pytest.approx(best)] * 3]


def test_an_empty_region_has_no_score(metric, truth, noisy):
    assert metric.score(truth, noisy, NOWHERE) is None


def test_pixels_outside_the_region_change_nothing(metric, truth, noisy, region):
    changed = np.where(region[..., None], noisy, 255 - noisy)
    assert metric.score(truth, changed, region) == metric.score(truth, noisy, region)
    assert metric.score(truth, changed, EVERYWHERE) != metric.score(truth, noisy, EVERYWHERE)


def test_many_at_once_equal_one_by_one(metric, truth, noisy, region):
    images = [noisy, 255 - truth, truth, noisy]
    regions = [EVERYWHERE, region, NOWHERE, ~region]
    expected = [[metric.score(truth, image, mask) for mask in regions] for image in images]
    found = metric.score_many(truth, images, regions)
    for row, wanted in zip(found, expected, strict=True):
        assert row == [None if x is None else pytest.approx(x, rel=1e-5) for x in wanted]


def test_a_worse_picture_scores_worse(metric, truth, noisy, region):
    close = ((truth.astype(int) * 3 + noisy) // 4).astype(np.uint8)
    near, far = metric.score_many(truth, [close, noisy], [region])
    assert (near[0] > far[0]) == metric.higher_is_worse


@pytest.mark.parametrize(
    "wrong",
    [
        lambda image: image / 255,
        lambda image: image.astype(np.int64),
        lambda image: image[:-1],
        lambda image: image[..., 0],
    ],
    ids=["float", "int64", "another size", "grey"],
)
def test_other_types_and_shapes_are_refused(metric, truth, wrong):
    with pytest.raises(PedbenchError, match="expected uint8"):
        metric.score(truth, wrong(truth), EVERYWHERE)
    with pytest.raises(PedbenchError, match="expected bool"):
        metric.score(truth, truth, EVERYWHERE.astype(np.uint8))


def test_psnr_of_a_constant_offset():
    grey = np.full((HEIGHT, WIDTH, 3), 100, dtype=np.uint8)
    assert Psnr().score(grey, grey + 10, EVERYWHERE) == pytest.approx(28.1308, abs=1e-4)
    assert Psnr().score(grey, grey - 10, EVERYWHERE) == pytest.approx(28.1308, abs=1e-4)


def test_psnr_is_capped():
    grey = np.full((HEIGHT, WIDTH, 3), 100, dtype=np.uint8)
    nearly = grey.copy()
    nearly[0, 0, 0] += 1
    assert Psnr().score(grey, nearly, EVERYWHERE) == 60.0


@pytest.fixture(scope="module")
def torch_image():
    """The functions of `torchmetrics` on images."""
    from torchmetrics.functional import image  # takes 3 s, which every collection would take

    return image


@pytest.mark.slow
def test_psnr_equals_scikit_image_and_torchmetrics(truth, noisy, region, torch_image):
    found = Psnr().score(truth, noisy, region)
    inside = truth[region].astype(float), noisy[region].astype(float)
    assert found == pytest.approx(peak_signal_noise_ratio(*inside, data_range=255))
    other = torch_image.peak_signal_noise_ratio(
        *(torch.from_numpy(x) for x in inside[::-1]), data_range=255.0
    )
    assert found == pytest.approx(other.item())


def test_full_psnr_follows_from_hidden_psnr(truth, noisy, region):
    copied = np.where(region[..., None], truth, noisy)
    full, hidden = Psnr().score_many(truth, [copied], [EVERYWHERE, ~region])[0]
    assert full == pytest.approx(hidden - 10 * np.log10(1 - region.mean()))


@pytest.mark.slow
def test_ssim_equals_scikit_image_and_torchmetrics(truth, noisy, torch_image):
    found = Ssim().score(truth, noisy, EVERYWHERE)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    mean, full = structural_similarity(
        truth, noisy, data_range=255, channel_axis=2, full=True, **options
    )
    assert found == pytest.approx(mean, abs=1e-9)
    np.testing.assert_allclose(ssim_map(Moments(truth), noisy), full.mean(axis=2), atol=1e-9)
    pair = as_tensor(noisy), as_tensor(truth)
    _, other = torch_image.structural_similarity_index_measure(
        *pair, sigma=1.5, data_range=255.0, return_full_image=True
    )
    np.testing.assert_allclose(
        ssim_map(Moments(truth), noisy)[5:-5, 5:-5], other[0].mean(dim=0)[5:-5, 5:-5], atol=1e-9
    )


def test_ssim_of_constant_pictures_is_their_luminance_term():
    dark, bright = (np.full((HEIGHT, WIDTH, 3), grey, dtype=np.uint8) for grey in (50, 100))
    c1 = (0.01 * 255) ** 2
    expected = (2 * 50 * 100 + c1) / (50**2 + 100**2 + c1)
    assert Ssim().score(dark, bright, EVERYWHERE) == pytest.approx(expected)


def test_erosion_takes_five_pixels_and_the_border():
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[20:40, :30] = True
    inner = np.argwhere(erode(mask))
    assert inner.min(axis=0).tolist() == [25, 5]
    assert inner.max(axis=0).tolist() == [34, 24]


def test_a_thin_region_has_no_ssim(truth, noisy):
    thin = np.zeros((HEIGHT, WIDTH), dtype=bool)
    thin[30:40] = True
    assert Ssim().score(truth, noisy, thin) is None
    assert Psnr().score(truth, noisy, thin) is not None


def official(weights: trunk.Trunk, spatial: bool) -> torch.nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = reference_lpips.LPIPS(net="alex", pnet_rand=True, spatial=spatial, verbose=False)
    layers = [module for module in network.net.modules() if isinstance(module, torch.nn.Conv2d)]
    for layer, index in zip(layers, lpips_jax.KERNELS, strict=True):
        layer.weight.data = weights[f"features.{index}.weight"]
        layer.bias.data = weights[f"features.{index}.bias"]
    return network


def ask(network: torch.nn.Module, a: np.ndarray, b: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return network(as_tensor(a).float() / 127.5 - 1, as_tensor(b).float() / 127.5 - 1)[0, 0]


def test_lpips_equals_the_official_network(known_trunk, truth, noisy, region):
    full, inside = Lpips(known_trunk).score_many(truth, [noisy], [EVERYWHERE, region])[0]
    expected = ask(official(known_trunk, spatial=False), truth, noisy)
    assert full == pytest.approx(expected.item(), rel=1e-4)
    composite = np.where(region[..., None], noisy, truth)
    spatial = ask(official(known_trunk, spatial=True), truth, composite).numpy()
    assert inside == pytest.approx(spatial[region].mean(), rel=1e-4)


def test_truth_features_are_computed_once(known_trunk, truth, noisy, region):
    distance = PerceptualDistance(known_trunk)
    sizes = []
    plain = distance._features
    distance._features = lambda images: sizes.append(len(images)) or plain(images)
    for _ in range(2):
        list(distance.layers(truth, [noisy, 255 - noisy]))
    assert sorted(sizes) == [1, 2, 2]


def test_equal_composites_are_run_once_however_many_calls_ask(known_trunk, truth, noisy, region):
    metric = Lpips(known_trunk)
    [first] = metric.score_many(truth, [noisy], [EVERYWHERE, region])
    sizes = []
    plain = metric._distance._features
    metric._distance._features = lambda images: sizes.append(len(images)) or plain(images)
    elsewhere = np.where(region[..., None], noisy, 255 - truth)
    [second] = metric.score_many(truth, [elsewhere], [region, EVERYWHERE])
    assert second[0] == first[1]
    assert second[1] != first[0]
    assert sizes == [1]


def test_lpips_refuses_a_random_trunk():
    with pytest.raises(MetricUnavailable, match="refuses the trunk"):
        Lpips(random_trunk(1))


def test_lpips_without_a_trunk_is_unavailable(monkeypatch, tmp_path):
    monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path))
    with pytest.raises(MetricUnavailable, match="run 'pedbench weights lpips'"):
        Lpips()


def test_lpips_of_a_tiny_frame_is_unavailable(known_trunk):
    tiny = np.zeros((30, 200, 3), dtype=np.uint8)
    mask = np.ones((30, 200), dtype=bool)
    with pytest.raises(MetricUnavailable, match="30×200"):
        Lpips(known_trunk).score(tiny, tiny + 1, mask)
    frame = np.zeros((31, 200, 3), dtype=np.uint8)
    assert Lpips(known_trunk).score(frame, frame + 99, np.ones((31, 200), dtype=bool)) > 0


def test_lpips_leaves_the_random_state_alone(known_trunk):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    PerceptualDistance(known_trunk)
    assert torch.rand(1) == expected


def test_true_lpips_orders_blur_and_noise(truth, noisy):
    if not trunk.trunk_path().exists():
        pytest.skip("no LPIPS trunk: run 'pedbench weights'")
    blurred = cv2.GaussianBlur(truth, (0, 0), 3)
    scores = Lpips().score_many(truth, [truth, blurred, noisy], [EVERYWHERE])
    assert scores[0] == [0.0]
    assert 0.1 < scores[1][0] < 1
