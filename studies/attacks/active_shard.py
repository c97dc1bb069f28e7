"""What a shard gains by answering with crafted tokens instead of computing.

``python -m studies.attacks.active_shard --public SPEC... --data SPEC [--limit N] [--out DIR]``

In `interleaved`, one shard answers round 1 with tokens made so that the first global block copies
hidden windows into them, and decodes what round 2 brings. Beside it stands the same shard, passive.
Both decoders learn from public photos; cells are blocks of tokens in windows that the shard is not
sent. All photos are cropped to a square in their middle. The damage is that of masks prompted by
the true boxes, and the relative change of the image embedding.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.analyses.active_shard.craft import GlobalBlock, craft, honest_map, honest_size
from attacks.analyses.active_shard.decode import ProbeDecoder, WholeDecoder, cell_psnr, explained
from attacks.analyses.active_shard.probes import Probes
from attacks.analyses.active_shard.shards import CraftingShards
from bench.datasets import Dataset, Sample, open_dataset
from bench.datasets.disjoint import check_disjoint
from bench.runner.evaluation.segmentation import Reference, segmentation_scores
from framework import DistributedSamPredictor, LocalShards
from framework.models.build import PedSam, build_sam
from framework.split.policies import POLICIES
from framework.split.windows import WindowGrid
from studies.command import exit_with
from studies.table import write_table

PASSIVE = "passive"
SIZES = {"small": (0.5, 0.1), "ordinary": (0.5, 1.0)}
"""How long crafted tokens are: a quantile of the honest ones', times a factor."""
MALICIOUS = 0
TRAINING = 32
"""Public photos that tokens are crafted on."""


@dataclass(frozen=True)
class Photo:
    """A photo cropped to a square.

    Attributes:
        sample: as stored.
        frame: as the model sees it, uint8 [side, side, 3].
        honest: what honest shards answer in round 1, [tokens, channels].
    """

    sample: Sample
    frame: NDArray[np.uint8]
    honest: NDArray[np.float32]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    public = [open_dataset(spec) for spec in options.public]
    scored = open_dataset(options.data).limit(options.limit)
    check_disjoint(public, scored)
    sam = build_sam(options.model)
    theirs = [p for data in public for p in _photos(sam, data.limit(options.public_limit))]
    targets = list(_photos(sam, scored))
    rows = [
        row
        for count in options.shards
        for seed in options.seeds
        for row in Trial(sam, theirs, targets, count, seed, options).rows()
    ]
    _report(pd.DataFrame(rows), len(theirs), len(targets), options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--public", nargs="+", required=True, help="the attacker's photos")
    parser.add_argument("--data", default="embedded", help="photos scored")
    parser.add_argument("--limit", type=int, help="at most so many photos scored")
    parser.add_argument("--public-limit", type=int, help="at most so many photos per public set")
    parser.add_argument("--model", default="tiny", help="name of the model")
    parser.add_argument("--shards", type=int, nargs="+", default=[4, 9], help="numbers of shards")
    parser.add_argument("--cell", type=int, default=2, help="side of a cell, tokens")
    parser.add_argument("--damage", type=int, default=20, help="photos whose masks are scored")
    parser.add_argument("--steps", type=int, default=150, help="of crafting")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the sharing")
    parser.add_argument("--out", type=Path, help="folder for active_shard.csv and .md")
    return parser


def _photos(sam: PedSam, data: Dataset) -> Iterator[Photo]:
    resize = ResizeLongestSide(sam.arch.img_size).apply_image
    for image_id in data.ids:
        sample = data.load(image_id)
        height, width = sample.image.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        rows, columns = slice(top, top + side), slice(left, left + side)
        masks = sample.masks[:, rows, columns]
        kept = [i for i, mask in enumerate(masks) if mask.any()]
        square = Sample(
            image_id,
            np.ascontiguousarray(sample.image[rows, columns]),
            np.ascontiguousarray(masks[kept]),
            tuple(sample.mask_ids[i] for i in kept),
            sample.scene,
        )
        frame = resize(square.image)
        yield Photo(square, frame, honest_map(sam, frame))


class Trial:
    """One malicious shard of a deployment, against the same shard when it is passive."""

    def __init__(
        self,
        sam: PedSam,
        public: Sequence[Photo],
        targets: Sequence[Photo],
        count: int,
        seed: int,
        options: argparse.Namespace,
    ) -> None:
        self.sam = sam
        self.public = public
        self.targets = targets
        self.count = count
        self.seed = seed
        self.damaged = options.damage
        self.grid = WindowGrid.of(sam.arch, public[0].frame.shape[:2])
        owners = POLICIES.get("sticky")(seed).assign(self.grid, count)
        held = [window for window, owner in enumerate(owners) if owner == MALICIOUS]
        self.probes = Probes.aim(self.grid, held, options.cell, seed)
        self.block = GlobalBlock(sam, sam.arch.global_blocks[0])
        maps = np.stack([photo.honest for photo in public[:: max(1, len(public) // TRAINING)]])
        self.sizes = {n: f * honest_size(maps, [q])[0] for n, (q, f) in SIZES.items()}
        self.directions, losses = craft(self.block, self.probes, maps, options.steps, seed)
        print(
            f"{count} shards, seed {seed}: {len(self.probes.tokens)} probes, "
            f"{len(self.probes.cells)} hidden cells, attention per token aimed at, geometric mean "
            f"{np.exp(-losses[0]):.4f} -> {np.exp(-losses[-1]):.4f}",
            flush=True,
        )

    def rows(self) -> Iterator[dict[str, object]]:
        """Scores of each way to answer, by decoder; one row a photo for the damage."""
        truth = [self._colours(photos) for photos in (self.public, self.targets)]
        for answer in (PASSIVE, *SIZES):
            tokens = [self._received(photos, answer) for photos in (self.public, self.targets)]
            whole = WholeDecoder(tokens[0], truth[0])(tokens[1])
            probe = ProbeDecoder.fit(self.probes, tokens[0], truth[0])(self.probes, tokens[1])
            floor = truth[0].mean(0)
            damage = self._damage(answer)
            for decoder, estimate in (("all tokens", whole), ("each probe", probe)):
                yield {
                    "shards": self.count,
                    "seed": self.seed,
                    "answers": answer,
                    "decoder": decoder,
                    "r2": explained(truth[1], estimate, floor),
                    "psnr": cell_psnr(truth[1], estimate),
                    "psnr_mean_photo": cell_psnr(truth[1], np.broadcast_to(floor, truth[1].shape)),
                    **damage,
                }

    def _crafted(self, answer: str) -> NDArray[np.float32] | None:
        """Tokens by probe; None for honest ones."""
        if answer == PASSIVE:
            return None
        return self.directions * np.float32(self.sizes[answer])

    def _received(self, photos: Sequence[Photo], answer: str) -> NDArray[np.float32]:
        """What round 2 brings the malicious shard, [photos, probes, channels]."""
        crafted = self._crafted(answer)
        answers = None if crafted is None else torch.as_tensor(crafted)
        maps = torch.as_tensor(np.stack([photo.honest for photo in photos]))
        return self.block.received(maps, torch.as_tensor(self.probes.tokens), answers).numpy()

    def _colours(self, photos: Sequence[Photo]) -> NDArray[np.float32]:
        return np.stack([self.probes.colours(photo.frame, self.grid) for photo in photos])

    def _damage(self, answer: str) -> dict[str, float]:
        """Means over the first photos, through a real exchange."""
        crafted = self._crafted(answer)
        lies = {} if crafted is None else {0: self.probes.shaped(crafted, self.grid)}
        scores = []
        for photo in self.targets[: self.damaged]:
            local = DistributedSamPredictor(self.sam, LocalShards(1), plan="local")
            local.set_image(photo.sample.image)
            predictor = DistributedSamPredictor(
                self.sam,
                CraftingShards(self.count, MALICIOUS, lies),
                policy=POLICIES.get("sticky")(self.seed),
            )
            predictor.set_image(photo.sample.image)
            reference = Reference(local, photo.sample.image, photo.sample.masks)
            scores.append(segmentation_scores(predictor, reference)[0])
        table = pd.DataFrame(scores).astype(float)
        return {name: float(table[name].mean()) for name in ("miou_box", "embedding_error")}


def _report(table: pd.DataFrame, public: int, scored: int, options: argparse.Namespace) -> None:
    values = ["r2", "psnr", "psnr_mean_photo", "miou_box", "embedding_error"]
    groups = table.groupby(["shards", "answers", "decoder"], sort=False)[values]
    summary = groups.agg(["mean", "std"]) if len(options.seeds) > 1 else groups.agg(["mean"])
    summary.columns = ["_".join(column) for column in summary.columns]
    title = (
        f"Active shard, {options.model}, interleaved, cells of {options.cell}x{options.cell} "
        f"tokens, {public} public photos, {scored} scored, {len(options.seeds)} sharings"
    )
    write_table(summary.reset_index(), "active_shard", title, options.out)


if __name__ == "__main__":
    exit_with(main, "studies.attacks.active_shard")
