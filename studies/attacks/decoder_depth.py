"""What window decoders gain over the linear inverse, stage by stage, and how long they train.

``python -m studies.attacks.decoder_depth --data SPEC [--limit N] [--public SPEC...] [--stages 0 1
2]``

Trains ridge and the decoders at each stage of the interleaved plan and scores what they make of
the windows that 2 of 4 shards hold. Prints PSNR there, each decoder's paired gain over ridge on the
same photos with its 95 % interval, and of its training: seconds, steps, and after how many of them
the held-out error was within 0.5 dB of its best. ``--longer 4`` trains once more with four
times the steps, and prints by how much that does better.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from attacks.base import ATTACKS, Attack
from attacks.threat_models.base import ThreatModel
from bench.attackers.public_knowledge import PublicPhotos
from bench.attackers.training_setting import TrainingSetting
from bench.flags.arguments import add_device_flag
from bench.report.statistics import mean_interval, paired_gain
from bench.runner.models import Models
from studies.command import exit_with
from studies.scored import Scored, add_photo_flags, open_photos, scored_photos, visible_psnr
from studies.table import told

REFERENCE = "ridge"
DECODERS = ("conv_decoder", "transformer_decoder")
COALITION = (0, 1)
NEAR = 0.5
"""Decibels from the best within which training counts as converged."""

Frame = NDArray[np.uint8]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    public, data = open_photos(options)
    models = Models(options.model, device=options.device)
    photos = PublicPhotos(models, public)
    scored = scored_photos(models, data, COALITION)
    print(f"{sum(len(p.ids) for p in public)} public photos, {len(scored)} scored, dB visible")
    for stage in options.stages:
        _stage(models, photos, scored, stage, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_photo_flags(parser)
    parser.add_argument("--stages", type=int, nargs="+", default=range(8), help="blocks run before")
    parser.add_argument("--decoders", nargs="+", default=DECODERS, help="attacks beside ridge")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the decoders")
    parser.add_argument(
        "--longer",
        type=int,
        nargs="*",
        default=[],
        metavar="TIMES",
        help="times the steps of another training each",
    )
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch")
    add_device_flag(parser, default="cpu")
    return parser


def _stage(
    models: Models,
    photos: PublicPhotos,
    scored: Sequence[Scored],
    stage: int,
    options: argparse.Namespace,
) -> None:
    """Train, score and print one stage."""
    knowledge = photos.knowledge(TrainingSetting(threat=ThreatModel(stage=stage)))
    names = [image.image_id for image in scored]

    def trained(name: str, seed: int = 0, longer: int = 1) -> tuple[Attack, float]:
        attack = ATTACKS.get(name)(seed=seed)
        if longer > 1:
            attack = ATTACKS.get(name)(seed=seed, **{"steps": longer * vars(attack)["steps"]})
        start = time.perf_counter()
        attack.fit(knowledge)
        return attack, time.perf_counter() - start

    def scores(attack: Attack) -> NDArray[np.float64]:
        return np.array([visible_psnr(models, attack, image, stage) for image in scored])

    linear = scores(trained(REFERENCE)[0])
    print(f"stage {stage}: {REFERENCE} {told(mean_interval(linear, names), 2)}")
    for name in options.decoders:
        found = [trained(name, seed) for seed in options.seeds]
        mine = np.mean([scores(attack) for attack, _ in found], axis=0)
        gain = told(paired_gain(mine, linear, names), 2, "+")
        print(
            f"  {name:20s} {mine.mean():6.2f}, over ridge {gain}, "
            f"worst photo {(mine - linear).min():+.2f}; {_training(*found[0])}"
        )
        for longer in options.longer if "curve" in found[0][0].state() else ():
            attack, seconds = trained(name, options.seeds[0], longer)
            more = told(paired_gain(scores(attack), scores(found[0][0]), names), 2, "+")
            print(f"  {'':20s} {longer} times the steps: {more}, {seconds:.0f} s")
        sys.stdout.flush()


def _training(attack: Attack, seconds: float) -> str:
    state = attack.state()
    if "curve" not in state:
        return f"{seconds:.0f} s, nothing to train"
    steps, errors = state["curve"][:, 0], state["curve"][:, 2]
    near = steps[np.argmax(10 * np.log10(errors / errors.min()) <= NEAR)]
    return (
        f"{seconds:.0f} s, {steps[-1]:.0f} steps, within {NEAR} dB of its best after {near:.0f}, "
        f"held-out error {errors.min():.3f} of ridge's, scale {float(state['scale'][0]):.2f}"
    )


if __name__ == "__main__":
    exit_with(main, "studies.attacks.decoder_depth")
