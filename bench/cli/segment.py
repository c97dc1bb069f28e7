"""`pedbench segment`: a mask for one photo, computed over shards."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from bench.arguments import add_photo_flags
from bench.caps import add_cap_flags, print_exposure, read_cap_flags, read_policy_key
from bench.precision import add_speed_flags, speed_options
from bench.remote import add_remote_flags, read_remote_flags


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("segment", help="segment one photo over shards")
    parser.add_argument("photo", type=Path)
    parser.add_argument("--box", help="box prompt x0,y0,x1,y1 in the photo's pixels")
    parser.add_argument("--point", help="foreground point x,y in the photo's pixels")
    parser.add_argument("--out", type=Path, required=True, help="the mask, PNG, 0 or 255")
    parser.add_argument("--overlay", type=Path, help="also draw the mask over the photo, PNG")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--checkpoint", help="weight file, or 'random' (for timing only)")
    add_photo_flags(parser)
    add_speed_flags(parser)
    parser.add_argument("--plan", default="interleaved")
    parser.add_argument("--policy", default="sticky")
    parser.add_argument("--payload", default="float32")
    parser.add_argument("--defence", default="none")
    parser.add_argument("--strength", type=float, default=0.0)
    parser.add_argument("--n-shards", type=int, default=4, help="shards in this process")
    add_remote_flags(parser)
    add_cap_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from PIL import Image

    from bench.pictures import draw_box, overlay
    from framework import DistributedSamPredictor, LocalShards, PedbenchError, build_sam
    from framework.defences import DEFENCES
    from framework.photos import read_photo

    prompts = read_prompts(args)
    remote = read_remote_flags(args)
    options = read_cap_flags(args)
    photo = read_photo(args.photo)
    sam = build_sam(args.model, args.checkpoint, **speed_options(args))
    predictor = DistributedSamPredictor(
        sam,
        remote.connect(**options) if remote else LocalShards(args.n_shards, **options),
        plan=args.plan,
        policy=args.policy,
        payload=args.payload,
        defence=DEFENCES.get(args.defence)(args.strength),
        policy_key=read_policy_key(args),
    )
    with predictor.scene(photo, args.scene):
        predictor.set_image(photo)
    masks, scores, _ = predictor.predict(**prompts, multimask_output="box" not in prompts)
    mask = masks[int(np.argmax(scores))]
    try:
        Image.fromarray(mask.astype(np.uint8) * 255).save(args.out)
        if args.overlay:
            drawn = overlay(photo, mask[None], side=max(photo.shape))
            box = prompts.get("box")
            drawn = drawn if box is None else draw_box(drawn, tuple(box.tolist()))
            Image.fromarray(drawn).save(args.overlay)
    except (OSError, ValueError) as error:
        raise PedbenchError(f"cannot write the mask: {error}; give --out FILE.png") from error
    traffic = predictor.traffic
    if not predictor.encoder.plan.stock_order:
        print(f"warning: plan '{args.plan}' moves blocks, '{args.model}' is not adapted to it")
    if not sam.weights.trained:
        print("warning: random weights, the mask means nothing")
    print(
        f"{args.out}: {mask.mean():.1%} of the photo, predicted IoU {scores.max():.2f}, "
        f"{traffic.rounds} rounds, {traffic.bytes_up / 1e6:.2f} MB up, "
        f"{traffic.bytes_down / 1e6:.2f} MB down"
    )
    if "guard" in options and predictor.view is not None:
        print_exposure(options["guard"].ledger, predictor.view.scene)
    return 0


def read_prompts(args: argparse.Namespace) -> dict[str, Any]:
    """The prompt as `SamPredictor.predict` takes it.

    Raises:
        PedbenchError: no prompt, or one that is not numbers.
    """
    from framework.errors import PedbenchError

    if (args.box is None) == (args.point is None):
        raise PedbenchError("give one prompt: --box x0,y0,x1,y1 or --point x,y")
    text, count = (args.box, 4) if args.box is not None else (args.point, 2)
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    numbers = np.array(values, dtype=np.float32)
    if len(values) != count or not np.isfinite(numbers).all():
        raise PedbenchError(f"'{text}' is not a prompt: give {count} numbers with commas between")
    if count == 2:
        return {"point_coords": numbers[None], "point_labels": np.ones(1, dtype=np.int32)}
    if numbers[2] <= numbers[0] or numbers[3] <= numbers[1]:
        raise PedbenchError(f"box '{text}' is empty: give x0 < x1 and y0 < y1")
    return {"box": numbers}
