"""Whether decoy windows are found out, and what that is worth to a reconstruction.

``python -m studies.attacks.decoys --public SPEC --other SPEC --data SPEC [--limit N] [--out DIR]``

Each real window of a shard is accompanied by a window of a decoy picture. Decoy pictures are cut
from packaged photos, which the attacker has; from photos of the kind under attack; or from
photos of another kind. In the latter two cases the edge's photos are secret: they are every second
photo of a set of which the attacker has the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide
from sklearn.metrics import roc_auc_score

from attacks.analyses.decoy_detection.detector import DecoyDetector
from attacks.base import Knowledge
from attacks.features.public_examples import observe
from attacks.methods.inversion.linear import Ridge
from bench.datasets import Dataset, open_dataset
from bench.datasets.disjoint import check_disjoint
from framework import LocalShards
from framework.models.build import PedSam, build_sam
from framework.split.defences.disguise.decoys import Decoys
from framework.split.edge import DistributedEncoder
from framework.split.observation import Observation
from framework.split.policies import POLICIES
from studies.command import exit_with
from studies.table import write_table

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Source:
    """Where decoys come from.

    Attributes:
        secret: the edge's photos, packaged ones if ``None``.
        guessed: photos that the attacker takes for decoys in practice, alike.
    """

    name: str
    secret: Sequence[Picture] | None
    guessed: Sequence[Picture] | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    public, other = open_dataset(options.public), open_dataset(options.other)
    scored = open_dataset(options.data).limit(options.limit)
    check_disjoint([public, other], scored)
    sam = build_sam(options.model)
    theirs, secret = _halves(public)
    alike, foreign = _halves(other)
    resize = ResizeLongestSide(sam.arch.img_size).apply_image
    examples = [observe(sam, resize(photo), options.plan, "float32") for photo in theirs]
    frames = [resize(scored.load(image_id).image) for image_id in scored.ids]
    rows = [
        row
        for source in (
            Source("packaged, known", None, None),
            Source("same kind, secret", secret, theirs),
            Source("another kind, secret", foreign, alike),
        )
        for seed in options.seeds
        for row in _scores(Knowledge(sam, examples), source, frames, seed, options)
    ]
    _report(pd.DataFrame(rows), len(theirs), len(frames), options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--public", required=True, help="photos like those scored")
    parser.add_argument("--other", required=True, help="photos of another kind")
    parser.add_argument("--data", default="embedded", help="photos scored")
    parser.add_argument("--limit", type=int, help="at most so many photos scored")
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--plan", default="interleaved", help="split plan")
    parser.add_argument("--shards", type=int, default=4, help="number of shards")
    parser.add_argument("--coalitions", type=int, nargs="+", default=[1, 2, 4], help="sizes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of sharing and attacker")
    parser.add_argument("--out", type=Path, help="folder for decoys.csv and decoys.md")
    return parser


def _halves(data: Dataset) -> tuple[list[Picture], list[Picture]]:
    photos = [data.load(image_id).image for image_id in data.ids]
    return photos[::2], photos[1::2]


def _scores(
    knowledge: Knowledge,
    source: Source,
    frames: Sequence[Picture],
    seed: int,
    options: argparse.Namespace,
) -> Iterator[dict[str, object]]:
    """One row for each frame and coalition."""
    detector = DecoyDetector.fit(knowledge, source.guessed, seed)
    print(f"{source.name}, seed {seed}: coupling {detector.learned['coupling'][0]}", flush=True)
    ridge = Ridge(seed)
    ridge.fit(knowledge)
    assert knowledge.sam is not None
    for number, frame in enumerate(frames):
        encoder = _encoder(knowledge.sam, source, seed, number, options)
        encoder(frame)
        seen, real = encoder.observation(), encoder.observation(decoys=False)
        for size in options.coalitions:
            members = np.random.default_rng(seed).permutation(options.shards)[:size].tolist()
            handed, told = seen.restrict(members), real.restrict(members)
            labels = np.array([m.sent not in encoder.last.decoys for m in handed.messages])
            cleaned = detector.cleaned(handed)
            row = {"decoys from": source.name, "coalition": size, "image": number, "seed": seed}
            yield (
                row
                | _detection(detector.message_scores(handed), labels, handed)
                | {
                    f"psnr {region} {name}": _psnr(ridge.reconstruct(view), frame, mask)
                    for region, mask in _regions(told)
                    for name, view in (
                        ("told", told),
                        ("undetected", handed),
                        ("detected", cleaned),
                    )
                }
            )


def _encoder(
    sam: PedSam, source: Source, seed: int, number: int, options: argparse.Namespace
) -> DistributedEncoder:
    return DistributedEncoder(
        sam,
        LocalShards(options.shards),
        plan=options.plan,
        policy=POLICIES.get("sticky")(1000 * seed + number),
        defence=Decoys(1, source.secret),
        seed=1000 * seed + number,
    )


def _detection(
    scores: NDArray[np.float64], labels: NDArray[np.bool_], seen: Observation
) -> dict[str, float]:
    """How well real windows were told from decoys, first round, content only."""
    counts = np.array([m.round == 0 for m in seen.messages]) & ~np.isnan(scores)
    truth, found = labels[counts], scores[counts]
    if truth.all() or not truth.any():
        return {"auc": float("nan"), "accuracy": float("nan")}
    right = [(found > 0)[truth].mean(), (found <= 0)[~truth].mean()]
    return {"auc": float(roc_auc_score(truth, found)), "accuracy": float(np.mean(right))}


def _regions(real: Observation) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    visible = real.grid.pixel_mask(real.visible)
    yield "visible", visible
    yield "hidden", ~visible


def _psnr(picture: Picture, frame: Picture, mask: NDArray[np.bool_]) -> float:
    if not mask.any():
        return float("nan")
    missed = np.square(picture.astype(np.float64) - frame)[mask].mean()
    return min(60.0, float(10 * np.log10(255**2 / max(missed, 1e-9))))


def _report(table: pd.DataFrame, public: int, scored: int, options: argparse.Namespace) -> None:
    groups = table.drop(columns=["image", "seed"]).groupby(["decoys from", "coalition"], sort=False)
    title = (
        f"Decoys, one for each real window, {options.model}, {options.plan}, sticky, "
        f"{options.shards} shards, {public} public photos, {scored} scored, "
        f"{len(options.seeds)} seeds; PSNR of ridge in dB"
    )
    write_table(groups.mean().reset_index(), "decoys", title, options.out)


if __name__ == "__main__":
    exit_with(main, "studies.attacks.decoys")
