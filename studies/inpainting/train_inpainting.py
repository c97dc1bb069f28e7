"""The weights of a learned inpainter, from public photos.

    python -m studies.inpainting.train_inpainting gated_inpainting --public coco:DIR --public
    package_photos
        --apart-from coco:SCORED --minutes 10

Writes ``attacks/weights/NAME.safetensors`` (float16) with its card ``NAME.json`` at each look at
the held-out photos that is the best so far, and says which SHA-256 the attack must name. The photos
join the list of those that runs refuse to score, ``photos.csv`` beside the weights. Attacks
that aim at LPIPS are trained on LPIPS itself, the one that scores them. Never give it photos that
are to be scored: ``--apart-from`` refuses those that show the same.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from attacks.base import ATTACKS
from attacks.features.inpainting_input import Holes
from attacks.methods.inpainting.learned import GatedInpainting
from attacks.networks.shipped import FOLDER, PHOTOS, read_photos, write_photos
from bench.datasets import open_dataset
from bench.datasets.disjoint import check_disjoint, photo_of
from framework.errors import PedbenchError
from framework.files.download import sha256_of
from studies.command import exit_with
from studies.inpainting.inpainting_data import (
    POLICIES_TRIED,
    SHARDS,
    Batch,
    Photo,
    batch,
    coalition,
    drawn,
    frame,
    grid_of,
    hidden_but,
    photos,
)
from studies.inpainting.inpainting_losses import Loss, lpips_loss, psnr_loss

WEIGHT_DECAY = 1e-2
WARM_UP = 0.03
"""Share of the time in which the learning rate rises."""
AVERAGE = 0.998
"""Share that the running mean of the weights keeps at each step."""
LOOKS = 12
"""Looks at the held-out photos."""
HELD_OUT = 8
"""Every so many photos one is held out."""


@dataclass
class Training:
    """One network on its way."""

    network: nn.Module
    loss: Loss
    photos: Sequence[Photo]
    seconds: float
    batch: int
    rate: float
    rng: np.random.Generator

    def looks(self) -> Iterator[tuple[int, float, nn.Module]]:
        """Steps done, mean loss since the last look, and the mean of the weights, at each look.

        Time is the process's own, so that a training that is stopped for a while loses nothing.
        """
        optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=WEIGHT_DECAY)
        mean = copy.deepcopy(self.network).eval().requires_grad_(False)
        start, looks, losses, step = time.process_time(), 0, [], 0
        while (share := (time.process_time() - start) / self.seconds) < 1:
            for group in optimizer.param_groups:
                group["lr"] = self.rate * _rate(share)
            losses.append(self.step(optimizer))
            step += 1
            _average(mean, self.network, min(AVERAGE, step / (step + 9)))
            if share * LOOKS > looks + 1:
                looks += 1
                yield step, float(np.mean(losses)), mean
                losses = []
        yield step, float(np.mean(losses or [np.nan])), mean

    def step(self, optimizer: torch.optim.Optimizer) -> float:
        """One step; returns the loss of its batch."""
        holes, truth, hidden = drawn(self.photos, self.batch, self.rng)
        value = self.loss(_filled(self.network.train(), holes, truth), truth, hidden).mean()
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        optimizer.step()
        return value.item()


def _rate(share: float) -> float:
    """Share of the highest learning rate."""
    if share < WARM_UP:
        return max(share / WARM_UP, 0.02)
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (share - WARM_UP) / (1 - WARM_UP)))


@torch.no_grad()
def _average(mean: nn.Module, network: nn.Module, kept: float) -> None:
    for ours, theirs in zip(mean.parameters(), network.parameters(), strict=True):
        ours.lerp_(theirs, 1 - kept)


def _filled(network: nn.Module, holes: Holes, truth: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        filled = holes.filled(network)
    return filled.float()[..., : truth.shape[2], : truth.shape[3]]


def tests_of(held_out: Sequence[Photo]) -> dict[float, list[Batch]]:
    """Each held-out photo once at each visible fraction, the policies in turn."""
    frames = [frame(photo) for photo in held_out]
    grids = [grid_of((each.shape[0], each.shape[1])) for each in frames]
    return {
        fraction: [
            batch(
                [picture],
                [hidden_but(picture, coalition(grid, fraction, POLICIES_TRIED[i % 3], i))],
            )
            for i, (picture, grid) in enumerate(zip(frames, grids, strict=True))
        ]
        for fraction in SHARDS
    }


@torch.no_grad()
def held_out_errors(
    network: Callable[[Tensor], Tensor], tests: dict[float, list[Batch]], loss: Loss
) -> list[float]:
    """Mean loss at each visible fraction."""

    def error(holes: Holes, truth: Tensor, hidden: Tensor) -> float:
        filled = holes.filled(network)[..., : truth.shape[2], : truth.shape[3]]
        return loss(filled, truth, hidden).mean().item()

    return [float(np.mean([error(*test) for test in each])) for each in tests.values()]


def train(options: argparse.Namespace) -> None:
    """Train one network and keep its best weights."""
    attack = ATTACKS.get(options.attack)
    if not issubclass(attack, GatedInpainting):
        raise PedbenchError(f"attack '{options.attack}' is no learned inpainting: name one")
    for spec in options.apart_from:
        check_disjoint([open_dataset(each) for each in options.public], open_dataset(spec))
    listed(options.out / PHOTOS.name, options.public)
    every = photos(options.public)
    held_out = every[::HELD_OUT]
    training = [photo for i, photo in enumerate(every) if i % HELD_OUT]
    loss = lpips_loss() if options.attack.endswith("lpips") else psnr_loss
    torch.manual_seed(options.seed)
    network = attack.network()
    if options.start:
        network.load_state_dict({k: v.float() for k, v in load_file(options.start).items()})
    tests = tests_of(held_out)
    floor = held_out_errors(lambda inputs: torch.zeros_like(inputs[:, :3]), tests, loss)
    print("kriging", np.round(floor, 4).tolist(), flush=True)
    rng = np.random.default_rng(options.seed)
    run = Training(network, loss, training, 60 * options.minutes, options.batch, options.rate, rng)
    curve: list[list[float]] = []
    best = float("inf")
    for step, fitted, mean in run.looks():
        errors = held_out_errors(mean, tests, loss)
        curve.append([step, *(round(value, 4) for value in (fitted, *errors))])
        print(*curve[-1], flush=True)
        if float(np.mean(errors)) < best:
            best = float(np.mean(errors))
            _keep(mean, options, card(options, len(training), len(held_out), floor, curve))


def listed(path: Path, public: Sequence[str]) -> None:
    """Add the photos of ``public`` to a list of those that are never to be scored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = read_photos(path) if path.exists() else []
    new = [photo_of(each, image_id) for each in map(open_dataset, public) for image_id in each.ids]
    write_photos(path, dict.fromkeys([*known, *new]))


def card(
    options: argparse.Namespace, training: int, held_out: int, floor: list[float], curve: list[Any]
) -> dict[str, Any]:
    """What is to be known of the weights."""
    measure = "LPIPS" if options.attack.endswith("lpips") else "-PSNR / 10 dB"
    return {
        "attack": options.attack,
        "public photos": [Path(spec).name for spec in options.public],
        "trained on": training,
        "held out": held_out,
        "seed": options.seed,
        "batch": options.batch,
        "highest learning rate": options.rate,
        "minutes of one thread": options.minutes,
        "measure": f"{measure} of what is hidden",
        "visible fractions": [round(fraction, 3) for fraction in SHARDS],
        "kriging, which the network corrects, held out": [round(value, 4) for value in floor],
        "curve: step, loss, held-out error at each fraction": curve,
        "started from": _card_of(options.start),
    }


def _card_of(weights: Path | None) -> Any:
    return json.loads(weights.with_suffix(".json").read_text()) if weights else "scratch"


def _keep(network: nn.Module, options: argparse.Namespace, facts: dict[str, Any]) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.attack}.safetensors"
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, path)
    sha = sha256_of(path)
    path.with_suffix(".json").write_text(json.dumps({"sha256": sha} | facts, indent=1) + "\n")
    print(f"{path}: SHA-256 {sha}", flush=True)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("attack", help="which inpainter")
    parser.add_argument("--public", action="append", required=True, help="data set to learn from")
    parser.add_argument("--apart-from", action="append", default=[], help="data set to be scored")
    parser.add_argument("--minutes", type=float, default=10, help="of the process's time")
    parser.add_argument("--batch", type=int, default=12, help="pictures a step")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0, help="of photos, holes and weights")
    parser.add_argument("--start", type=Path, help="weights to begin with, their card beside them")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder")
    torch.set_num_threads(1)
    train(parser.parse_args())


if __name__ == "__main__":
    exit_with(main, "studies.inpainting.train_inpainting")
