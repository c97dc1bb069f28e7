"""Learned perceptual image patch similarity (Zhang et al., CVPR 2018)."""

from __future__ import annotations

import hashlib
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
        self._last: tuple[bytes, dict[_Key, float]] = b"", {}

    def _score_many(
        self, truth: Image, reconstructions: Sequence[Image], regions: Sequence[Mask]
    ) -> list[list[Score]]:
        if min(truth.shape[:2]) < SMALLEST_SIDE:
            raise MetricUnavailable(
                f"LPIPS needs frames of at least {SMALLEST_SIDE} px a side, "
                f"this one is {truth.shape[0]}×{truth.shape[1]}"
            )
        same = _digest(truth)
        known = self._known(same)
        marks = [_digest(region) for region in regions]
        places = {mark: each for mark, each in zip(marks, regions, strict=True) if each.any()}
        new: dict[bytes, Image] = {}
        wanted: set[_Key] = set()
        keys: list[dict[bytes, _Key]] = []
        for image in reconstructions:
            keys.append({})
            for place, region in places.items():
                composite = np.where(region[..., None], image, truth)
                key = keys[-1][place] = _digest(composite), place
                if key[0] == same:
                    known[key] = 0.0
                elif key not in known:
                    new[key[0]] = composite
                    wanted.add(key)
        weights = {place: _Weights(region) for place, region in places.items()}
        maps = dict(zip(new, self._distance.layers(truth, list(new.values())), strict=True))
        known |= {key: weights[key[1]].mean(maps[key[0]]) for key in wanted}
        return [[known[own[mark]] if mark in own else None for mark in marks] for own in keys]

    def _known(self, truth: bytes) -> dict[_Key, float]:
        """Scores that were computed for the last truth, given its digest."""
        if self._last[0] != truth:
            self._last = truth, {}
        return self._last[1]


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


_Key = tuple[bytes, bytes]
"""Digests of a composite, the reconstruction in a region and the truth outside, and of the region:
equal ones recur from pipeline to pipeline."""


class _Weights:
    """How much each value of a map counts in the mean, over a region, of the resized map.

    Args:
        region: bool [h, w], not empty.
    """

    def __init__(self, region: Mask) -> None:
        self._region = None if region.all() else torch.from_numpy(region / region.sum())
        self._by_size: dict[tuple[int, int], Tensor] = {}

    def mean(self, layers: Sequence[Tensor]) -> float:
        """The sum of the means of maps [1, 1, h_l, w_l]."""
        if self._region is None:
            return sum(layer.double().mean().item() for layer in layers)
        return sum((layer[0, 0].double() * self._of(layer)).sum().item() for layer in layers)

    def _of(self, layer: Tensor) -> Tensor:
        assert self._region is not None
        size = layer.shape[2], layer.shape[3]
        if size not in self._by_size:
            rows, columns = map(_resizing, size, self._region.shape)
            self._by_size[size] = rows @ self._region @ columns.T
        return self._by_size[size]


def _resizing(old: int, new: int) -> Tensor:
    """Bilinear resizing along one axis as a matrix [old, new]."""
    basis = torch.eye(old, dtype=torch.float64)[None]
    return interpolate(basis, new, mode="linear", align_corners=False)[0]


def _digest(array: Image | Mask) -> bytes:
    return hashlib.blake2b(array.tobytes(), digest_size=16).digest()


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
