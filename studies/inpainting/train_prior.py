"""The weights of the generative prior, from public photos.

    python -m studies.inpainting.train_prior --public coco:DIR ... --apart-from coco:SCORED ...
    --minutes 60

Writes ``attacks/weights/flow_prior.safetensors`` (float16, the running mean of the weights) with
its card at each look at held-out photos, and says which SHA-256 the attacks must name. The photos
join the list of those that runs refuse to score, ``photos_prior.csv`` beside the weights; never
give it photos that are to be scored. Photos that look like one of ``--apart-from`` are left out. A
training that was stopped goes on where ``--work`` has its last look.

Half of a batch learns to complete: it is told kriging's guess of hidden windows, and what that
guess misses is to be drawn. The other half is told nothing, so that the network knows photos as
such. Both see crops of `CROP` px of frames of 256 px.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from attacks.features.canvas import Canvas
from attacks.features.completion import shrunk
from attacks.features.flow_input import INSIDE, KNOWN, context, normal, untold
from attacks.features.public_examples import resized
from attacks.features.token_maps import practice
from attacks.methods.inpainting.kriging import kriged
from attacks.networks.flow import FlowNetwork
from attacks.networks.shipped import FOLDER, write_photos
from attacks.networks.shipped import Photo as Listed
from bench.datasets import open_dataset
from bench.datasets.disjoint import photo_of
from framework.exposure.look import NEAR, distance
from framework.files.download import sha256_of
from studies.command import exit_with
from studies.inpainting.inpainting_data import Photo, frame, grid_of, hidden_but

NAME = "flow_prior"
LIST = "photos_prior.csv"
CROP = 128
COALITIONS = 3
"""Coalitions drawn for each photo."""
TOGETHER = 12
"""Photos of one shape that share a coalition, as kriging solves one system for all of them."""
HELD_OUT = 16
"""Every so many photos one is held out."""
UNTOLD = 0.5
"""Share of a batch that is told nothing."""
LEAST_NOISE = 0.01
"""Smallest time that pictures without a guess are shown at; their times are even in logarithm."""
WEIGHT_DECAY = 1e-2
WARM_UP = 200
"""Steps in which the learning rate rises."""
COOLING = 0.3
"""Last share of the time, in which the learning rate falls to 0."""
AVERAGE = 0.9995
"""Share that the running mean of the weights keeps at each step."""
LOOK_EVERY = 250
HELD_OUT_BATCHES = 8


@dataclass(frozen=True)
class Puzzle:
    """A frame of 256 px and what a coalition knows of it.

    Attributes:
        picture: uint8 [h, w, 3].
        known: bool [h, w].
        guess: kriging's, uint8, at 64 px.
    """

    picture: Photo
    known: NDArray[np.bool_]
    guess: Photo

    def tensors(self) -> tuple[Tensor, Tensor]:
        """The picture [3, H, W] and its context [CONTEXT, H, W], as `normal` and `context`."""
        size = (self.known.shape[0], self.known.shape[1])
        guess = np.where(self.known[..., None], self.picture, resized(self.guess, size))
        return normal(self.picture.astype(np.float32))[0], context(guess, self.known)[0]


def puzzles(training: Sequence[Photo], rng: np.random.Generator) -> list[Puzzle]:
    """Each photo with `COALITIONS` coalitions."""
    shapes: dict[tuple[int, int], list[Photo]] = defaultdict(list)
    for picture in map(frame, training):
        shapes[picture.shape[0], picture.shape[1]].append(picture)
    made = []
    for size, pictures in shapes.items():
        for start in range(0, len(pictures), TOGETHER):
            for _ in range(COALITIONS):
                windows = _seen(size, rng)
                made += [_puzzle(each, windows) for each in pictures[start : start + TOGETHER]]
    return made


def _seen(size: tuple[int, int], rng: np.random.Generator) -> list[int]:
    grid = grid_of(size)
    while True:
        windows = practice(grid, rng)
        if 0 < len(set(grid.content) & set(windows)) < len(grid.content):
            return windows


def _puzzle(picture: Photo, windows: Sequence[int]) -> Puzzle:
    canvas: Canvas = hidden_but(picture, windows)
    guess = np.rint(kriged(shrunk(canvas))).astype(np.uint8)
    return Puzzle(picture, canvas.known, guess)


@dataclass(frozen=True)
class Batch:
    """What one step learns from; counted is where its error counts, [n, 1, h, w]."""

    target: Tensor
    told: Tensor
    counted: Tensor
    time: Tensor

    @classmethod
    def drawn(cls, among: Sequence[Puzzle], count: int, rng: np.random.Generator) -> Batch:
        """Random crops of random puzzles, mirrored or not, brighter or darker."""
        parts = [_part(among[int(rng.integers(len(among)))], rng) for _ in range(count)]
        pictures, told = (torch.stack(each) for each in zip(*parts, strict=True))
        blind = torch.from_numpy(rng.random(count) < UNTOLD)
        even, logarithmic = rng.random(count), LEAST_NOISE ** rng.random(count)
        moments = torch.where(blind, torch.tensor(logarithmic), torch.tensor(even)).float()
        told = torch.where(blind[:, None, None, None], untold(told), told)
        counted = told[:, INSIDE] * (1 - told[:, KNOWN])
        return cls((pictures - told[:, :3]) * told[:, INSIDE], told, counted, moments)

    def loss(self, network: nn.Module, noise: torch.Generator) -> Tensor:
        """Mean squared error of the velocity, of each crop that has hidden pixels."""
        drawn = torch.randn(self.target.shape, generator=noise)
        moment = self.time[:, None, None, None]
        noisy = (1 - moment) * self.target + moment * drawn
        error = (network(noisy, self.time, self.told) - drawn + self.target).square().mean(dim=1)
        counted = self.counted[:, 0]
        return (error * counted).sum() / counted.sum().clamp(min=1)


def _part(puzzle: Puzzle, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    picture, told = puzzle.tensors()
    top, left = (int(rng.integers(max(0, side - CROP) + 1)) for side in picture.shape[1:])
    picture, told = (x[:, top : top + CROP, left : left + CROP] for x in (picture, told))
    contrast = rng.uniform(0.85, 1.15)
    told = torch.cat([told[:3] * contrast, told[3:]])
    picture = picture * contrast
    if rng.random() < 0.5:
        picture, told = picture.flip(2), told.flip(2)
        told[-1] *= -1
    return picture, told


class Training:
    """The network on its way, with the mean of its weights."""

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(options.seed)
        self.options = options
        self.network = FlowNetwork().to(memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=WEIGHT_DECAY)
        self.step = 0
        self.seconds = 0.0
        self.curve: list[list[float]] = []

    def run(self, training: Sequence[Puzzle], tests: Sequence[Batch]) -> Iterator[None]:
        """Train until time is up; yields after each look."""
        losses = []
        started = time.time() - self.seconds
        while self.share < 1:
            rng = np.random.default_rng([self.options.seed, self.step])
            noise = torch.Generator().manual_seed(self.step)
            batch = Batch.drawn(training, self.options.batch, rng)
            losses.append(self._learn(batch, noise))
            self.seconds = time.time() - started
            if self.step % LOOK_EVERY == 0 or self.share >= 1:
                self._look(float(np.mean(losses)), tests)
                losses = []
                yield

    @property
    def share(self) -> float:
        """Of the time that is used up."""
        return self.seconds / (60 * self.options.minutes)

    def _learn(self, batch: Batch, noise: torch.Generator) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.rate * _rate(self.step, self.share)
        value = batch.loss(self.network, noise)
        self.optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        kept = min(AVERAGE, self.step / (self.step + 9))
        with torch.no_grad():
            for ours, theirs in zip(self.mean.parameters(), self.network.parameters(), strict=True):
                ours.lerp_(theirs, 1 - kept)
        return value.item()

    def _look(self, fitted: float, tests: Sequence[Batch]) -> None:
        with torch.inference_mode():
            errors = [test.loss(self.mean, _noise(i)).item() for i, test in enumerate(tests)]
        self.curve.append([self.step, round(fitted, 4), round(float(np.mean(errors)), 4)])
        print(*self.curve[-1], f"{self.seconds:.0f} s", flush=True)

    def save(self, path: Path) -> None:
        """All that is needed to go on."""
        state = {name: getattr(self, name) for name in ("step", "seconds", "curve")}
        for name in ("network", "mean", "optimizer"):
            state[name] = getattr(self, name).state_dict()
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(path, weights_only=True)
        for name in ("network", "mean", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds, self.curve = state["step"], state["seconds"], state["curve"]


def _rate(step: int, share: float) -> float:
    """Share of the highest learning rate: up, level, and down to 0."""
    return min(1.0, (step + 1) / WARM_UP, max(0.0, (1 - share) / COOLING))


def _noise(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(10**6 + number)


def apart(public: Sequence[str], scored: Sequence[str]) -> tuple[list[Photo], list[Listed]]:
    """The photos of ``public`` that look like none of ``scored``, and how a list names them."""
    avoided = [
        int(photo_of(data, image_id).bits, 16)
        for data in map(open_dataset, scored)
        for image_id in data.ids
    ]
    images, names = [], []
    for data in map(open_dataset, public):
        for image_id in data.ids:
            named = photo_of(data, image_id)
            looks = int(named.bits, 16), int(named.mirrored, 16)
            if any(distance(look, other) <= NEAR for look in looks for other in avoided):
                print(f"left out: {data.name}/{image_id}", flush=True)
                continue
            images.append(data.load(image_id).image)
            names.append(named)
    return images, names


def train(options: argparse.Namespace) -> None:
    """Train, and write the weights at each look."""
    options.out.mkdir(parents=True, exist_ok=True)
    options.work.mkdir(parents=True, exist_ok=True)
    every, listed = apart(options.public, options.apart_from)
    write_photos(options.out / LIST, listed)
    rng = np.random.default_rng(options.seed)
    started = time.time()
    held_out = puzzles(every[::HELD_OUT], rng)
    training = puzzles([each for i, each in enumerate(every) if i % HELD_OUT], rng)
    counts = {"trained on": len(every) - len(every[::HELD_OUT]), "held out": len(every[::HELD_OUT])}
    print(counts, f"{len(training)} puzzles in {time.time() - started:.0f} s", flush=True)
    tests = [Batch.drawn(held_out, options.batch, rng) for _ in range(HELD_OUT_BATCHES)]
    run = Training(options)
    checkpoint = options.work / f"{NAME}.pt"
    if checkpoint.exists():
        run.load(checkpoint)
    for _ in run.run(training, tests):
        run.save(checkpoint)
        _keep(run, counts)


def _keep(run: Training, counts: dict[str, int]) -> None:
    path = run.options.out / f"{NAME}.safetensors"
    save_file({k: v.half().contiguous() for k, v in run.mean.state_dict().items()}, path)
    facts: dict[str, Any] = {"sha256": sha256_of(path), "prior": NAME}
    facts["public photos"] = [Path(spec).name for spec in run.options.public]
    facts |= counts | {
        "seed": run.options.seed,
        "batch": run.options.batch,
        "highest learning rate": run.options.rate,
        "steps": run.step,
        "minutes of one shared thread": round(run.seconds / 60, 1),
        "measure": "mean squared error of the velocity",
        "curve: step, loss, held-out error": run.curve,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{path}: SHA-256 {facts['sha256']}", flush=True)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--public", nargs="+", required=True, help="data sets to learn from")
    parser.add_argument("--apart-from", nargs="+", default=[], help="data sets to be scored")
    parser.add_argument("--minutes", type=float, default=60, help="of a clock")
    parser.add_argument("--batch", type=int, default=16, help="crops a step")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0, help="of photos, coalitions, noise, weights")
    parser.add_argument("--work", type=Path, required=True, help="folder to go on from")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the weights")
    torch.set_num_threads(1)
    train(parser.parse_args())


if __name__ == "__main__":
    exit_with(main, "studies.inpainting.train_prior")
