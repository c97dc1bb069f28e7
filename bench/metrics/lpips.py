"""Learned perceptual image patch similarity (Zhang et al., CVPR 2018)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import lpips
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.metrics.base import METRICS, Image, Mask, Metric, MetricUnavailable, Score
from bench.metrics.trunks.alexnet import Trunk, load_trunk, verified

SMALLEST_SIDE = 31
PIXELS_PER_BATCH = 1 << 19
SLICES = {0: "slice1.0", 3: "slice2.3", 6: "slice3.6", 8: "slice4.8", 10: "slice5.10"}


@METRICS.register("lpips")
class Lpips(Metric):
    """LPIPS (alex, v0.1) in a region; 0 for identical pictures.

    Outside the region the reconstruction is set to the truth and the map of distances is averaged
    inside. Where the region is the whole frame this is standard LPIPS.

    Args:
        trunk: AlexNet's convolutions as `bench.metrics.trunks.alexnet.load_trunk` gives them; read
            from the cache if not given. Any other trunk, such as a random one, is refused.
        device: where the network runs.

    Raises:
        MetricUnavailable: there is no trunk, or it is not AlexNet's.
    """

    name = "lpips"
    label = "LPIPS"
    summary = "learned perceptual distance, AlexNet v0.1"
    higher_is_worse = False
    place = 3

    def __init__(self, trunk: Trunk | None = None, device: str = "cpu") -> None:
        checked = load_trunk() if trunk is None else verified(trunk, "the caller")
        self._distance = PerceptualDistance(checked, device)

    def _score_many(
        self, truth: Image, reconstructions: Sequence[Image], regions: Sequence[Mask]
    ) -> list[list[Score]]:
        if min(truth.shape[:2]) < SMALLEST_SIDE:
            raise MetricUnavailable(
                f"LPIPS needs frames of at least {SMALLEST_SIDE} px a side, "
                f"this one is {truth.shape[0]}×{truth.shape[1]}"
            )
        pictures = _Pictures(truth)
        places = [
            [pictures.add(image, region) if region.any() else None for region in regions]
            for image in reconstructions
        ]
        maps = list(self._distance.layers(truth, pictures.different))
        return [
            [_score(place, maps, region) for place, region in zip(row, regions, strict=True)]
            for row in places
        ]


class PerceptualDistance:
    """The LPIPS network, with the features of the last truth kept.

    Args:
        trunk: convolutions ``features.{0,3,6,8,10}.{weight,bias}``; not checked here.
        device: where it runs.
    """

    def __init__(self, trunk: Trunk, device: str = "cpu") -> None:
        self.device = device
        self.network = _network(trunk).to(device)
        self._truth_features = lru_cache(maxsize=1)(self._features_of_bytes)

    def layers(self, truth: Image, others: Sequence[Image]) -> Iterator[list[Tensor]]:
        """For each other image, its distance to the truth as five maps [1, 1, h_l, w_l].

        Standard LPIPS is the sum of the five means; a spatial map is the sum of the five maps,
        resized bilinearly to the frame.
        """
        batch = max(1, PIXELS_PER_BATCH // (truth.shape[0] * truth.shape[1]))
        for start in range(0, len(others), batch):
            reference = self._truth_features(truth.tobytes(), truth.shape)
            stack = np.stack(others[start : start + batch])
            maps = self._compare(reference, stack)
            yield from ([layer[i : i + 1] for layer in maps] for i in range(len(stack)))

    @torch.inference_mode()
    def _compare(self, reference: list[Tensor], images: Image) -> list[Tensor]:
        pairs = zip(reference, self._features(images), self.network.lins, strict=True)
        return [head((ours - theirs) ** 2).cpu() for ours, theirs, head in pairs]

    @torch.inference_mode()
    def _features(self, images: Image) -> list[Tensor]:
        pixels = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float()
        scaled = self.network.scaling_layer(pixels / 127.5 - 1)
        return [lpips.normalize_tensor(layer) for layer in self.network.net(scaled)]

    def _features_of_bytes(self, data: bytes, shape: tuple[int, ...]) -> list[Tensor]:
        return self._features(np.frombuffer(data, dtype=np.uint8).reshape(1, *shape).copy())


_SAME = -1


class _Pictures:
    """Distinct composites of truth and reconstruction, so that none is run twice."""

    def __init__(self, truth: Image) -> None:
        self._truth = truth
        self._places = {truth.tobytes(): _SAME}
        self.different: list[Image] = []

    def add(self, image: Image, region: Mask) -> int:
        """Where ``image`` inside ``region``, truth outside, stands; ``_SAME`` for the truth."""
        composite = np.where(region[..., None], image, self._truth)
        place = self._places.setdefault(composite.tobytes(), len(self.different))
        if place == len(self.different):
            self.different.append(composite)
        return place


def _score(place: int | None, maps: list[list[Tensor]], region: Mask) -> Score:
    if place is None:
        return None
    return 0.0 if place == _SAME else _mean(maps[place], region)


def _mean(layers: list[Tensor], region: Mask) -> float:
    if region.all():
        return sum(layer.double().mean().item() for layer in layers)
    inside = torch.from_numpy(region)
    return sum(
        interpolate(layer, region.shape, mode="bilinear", align_corners=False)[0, 0][inside]
        .double()
        .mean()
        .item()
        for layer in layers
    )


def _network(trunk: Trunk) -> Any:
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # torchvision deprecates what lpips calls
        network = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    state = {
        f"{SLICES[index]}.{kind}": trunk[f"features.{index}.{kind}"]
        for index in SLICES
        for kind in ("weight", "bias")
    }
    network.net.load_state_dict(state)
    return network.eval().requires_grad_(False)
