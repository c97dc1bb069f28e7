"""How much of unseen windows comes back from tokens that global attention has mixed.

``python -m studies.attacks.mixed_tokens --public SPEC... --data SPEC [--limit N] [--seeds 0 1 2]``

Trains the whole-image decoder, the same on round 1 alone, and its prior, and scores each on hidden
windows for one shard of 4, of 9 and of 25 and for a shard that holds nothing but SAM's padding.
Prints a table of PSNR and of the paired gains with 95 % intervals over images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.base import ATTACKS, Attack, Knowledge, PublicExample
from attacks.features.public_examples import observe
from bench.datasets import Dataset, open_dataset
from bench.datasets.disjoint import check_disjoint
from bench.report.statistics import mean_interval
from framework.models.build import PedSam, build_sam
from framework.split.observation import Observation
from framework.split.policies import POLICIES
from studies.command import exit_with
from studies.table import told

ATTACKERS = ("whole_image_decoder", "whole_image_decoder_round1", "whole_image_prior")
SHARDS = (4, 9, 25)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    public = [open_dataset(spec) for spec in options.public]
    scored = open_dataset(options.data).limit(options.limit)
    check_disjoint(public, scored)
    sam = build_sam(options.model)
    photos = [e for data in public for e in _examples(sam, data.limit(options.public_limit))]
    images = list(_examples(sam, scored))
    totals = [_scores(sam, photos, images, seed, options.steps) for seed in options.seeds]
    _report(totals, len(photos), len(images))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--public", nargs="+", required=True, help="the attackers' photos")
    parser.add_argument("--data", default="embedded", help="photos scored")
    parser.add_argument("--limit", type=int, help="at most so many photos scored")
    parser.add_argument("--public-limit", type=int, help="at most so many photos per public set")
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--steps", type=int, default=600, help="of training at most")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the attackers")
    return parser


def _examples(sam: PedSam, data: Dataset) -> Iterator[PublicExample]:
    resize = ResizeLongestSide(sam.arch.img_size).apply_image
    for image_id in data.ids:
        yield observe(sam, resize(data.load(image_id).image), "interleaved", "float32")


def _scores(
    sam: PedSam,
    photos: Sequence[PublicExample],
    images: Sequence[PublicExample],
    seed: int,
    steps: int,
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """PSNR in hidden windows by coalition and attacker, [images]; NaN where nothing is hidden."""
    found = {}
    for name in ATTACKERS:
        attack: Attack = ATTACKS.get(name)(seed=seed, **{"steps": steps})
        start = time.monotonic()
        attack.fit(Knowledge(sam, photos))
        seconds, curve = time.monotonic() - start, attack.state()["curve"]
        errors = " ".join(f"{error:.3f}" for error in curve[:, 2])
        print(f"{name} seed {seed}: {seconds:.0f} s, {curve[-1, 0]:.0f} steps, held out: {errors}")
        for label, windows in _coalitions(images[0].observation, seed):
            found[label, name] = np.array([_hidden(attack, image, windows) for image in images])
    return found


def _coalitions(observation: Observation, seed: int) -> Iterator[tuple[str, Sequence[int] | None]]:
    """Labels and windows of one shard; ``None`` stands for all windows that are pure padding."""
    for count in SHARDS:
        owners = POLICIES.get("sticky")(seed).assign(observation.grid, count)
        yield f"1 of {count}", [i for i, owner in enumerate(owners) if owner == 0]
    yield "padding only", None


def _hidden(attack: Attack, image: PublicExample, windows: Sequence[int] | None) -> float:
    whole = image.observation
    if windows is None:
        windows = [window.index for window in whole.grid.windows if not window.has_content]
    kept = tuple(m for m in whole.messages if m.window in windows)
    hidden = ~whole.grid.pixel_mask(windows)
    if not kept or not hidden.any():
        return float("nan")
    picture = attack.reconstruct(replace(whole, messages=kept))
    missed = (picture.astype(np.float64) - image.frame)[hidden]
    return min(60.0, 10 * np.log10(255**2 / max(float(np.square(missed).mean()), 1e-9)))


def _report(
    totals: Sequence[dict[tuple[str, str], NDArray[np.float64]]], photos: int, images: int
) -> None:
    print(f"hidden windows, PSNR in dB; {photos} public photos, {images} scored, interleaved")
    for label in dict.fromkeys(label for label, _ in totals[0]):
        whole, first, prior = (
            np.nanmean([total[label, name] for total in totals], axis=0) for name in ATTACKERS
        )
        print(
            f"{label:13s} all rounds {np.nanmean(whole):.2f}, round 1 {np.nanmean(first):.2f}, "
            f"prior {np.nanmean(prior):.2f}; gain over round 1 {_gain(whole - first)}, "
            f"over prior {_gain(whole - prior)}"
        )


def _gain(gains: NDArray[np.float64]) -> str:
    known = gains[~np.isnan(gains)]
    return told(mean_interval(known, range(len(known))), 2, "+") if len(known) else "none"


if __name__ == "__main__":
    exit_with(main, "studies.attacks.mixed_tokens")
