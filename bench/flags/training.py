"""Flags of the commands that train a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.flags.arguments import (
    add_device_flag,
    add_photo_flags,
    not_negative_int,
    positive,
    positive_int,
)


def add_training_flags(parser: argparse.ArgumentParser, out: str, steps: int, rate: str) -> None:
    """Describe data, run folder, length and seed of a training.

    Args:
        out: the default run folder.
        steps: how many by default.
        rate: the default of the highest learning rate, as the help writes it.
    """
    parser.add_argument(
        "--data",
        action="append",
        required=True,
        help="train on this data set with masks; may be repeated",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(out),
        help=f"write state and weights here (default: {out})",
    )
    add_length_flags(parser, steps)
    parser.add_argument(
        "--batch",
        type=positive_int,
        default=8,
        help="use N photos a step (default: 8)",
        metavar="N",
    )
    parser.add_argument(
        "--lr",
        type=positive,
        default=float(rate),
        help=f"set the highest learning rate (default: {rate})",
    )


def add_length_flags(parser: argparse.ArgumentParser, steps: int) -> None:
    """Describe steps and seed, device and limits of photos."""
    parser.add_argument(
        "--steps",
        type=positive_int,
        default=steps,
        help=f"train N steps (default: {steps})",
        metavar="N",
    )
    parser.add_argument(
        "--seed", type=not_negative_int, default=0, help="set the random seed (default: 0)"
    )
    add_device_flag(parser)
    add_photo_flags(parser)
