"""`pedbench segment`: a mask for one photo, computed over shards."""

from __future__ import annotations

import argparse
import os
from itertools import combinations
from pathlib import Path

from bench.flags.arguments import add_photo_flags
from bench.flags.caps import add_cap_flags, print_exposure, read_cap_flags, read_policy_key
from bench.flags.precision import add_speed_flags, device_of, speed_options
from bench.flags.remote import Remote, add_remote_flags, read_remote_flags

LOSSLESS = (".png", ".bmp", ".tif", ".tiff")
PICTURES = (*LOSSLESS, ".jpg", ".jpeg", ".webp")
DEFAULT_SHARDS = 4


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("segment", help="segment one photo over shards")
    parser.add_argument("photo", type=Path, help="segment this photo")
    parser.add_argument("--box", help="prompt with a box x0,y0,x1,y1, in pixels of the photo")
    parser.add_argument(
        "--point", help="prompt with a foreground point x,y, in pixels of the photo"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="write the mask here, PNG, 0 or 255"
    )
    parser.add_argument(
        "--overlay", type=Path, help="also draw the mask over the photo, e.g. mask_on_photo.png"
    )
    parser.add_argument("--model", default="tiny", help="use this model (default: tiny)")
    parser.add_argument("--checkpoint", help="load this weight file, or 'random' for timing only")
    add_photo_flags(parser)
    add_speed_flags(parser)
    parser.add_argument(
        "--plan", default="interleaved", help="use this plan (default: interleaved)"
    )
    parser.add_argument("--policy", default="sticky", help="use this policy (default: sticky)")
    parser.add_argument("--payload", default="float32", help="use this payload (default: float32)")
    parser.add_argument("--defence", default="none", help="use this defence (default: none)")
    parser.add_argument("--strength", type=float, help="set the strength of the defence, above 0")
    parser.add_argument(
        "--n-shards",
        type=int,
        metavar="N",
        help=f"run N shards in this process (default: {DEFAULT_SHARDS})",
    )
    add_remote_flags(parser)
    add_cap_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from bench.flags.prompts import BOX, read_prompt
    from bench.runner.evaluation.pictures import draw_box, encoded, overlay
    from framework import DistributedSamPredictor, LocalShards, build_sam
    from framework.files.photos import read_photo
    from framework.files.writing import write_file
    from framework.split.defences import make_defence

    prompt = read_prompt(args.box, args.point)
    check_outputs(args)
    defence = make_defence(args.defence, args.strength)
    remote = read_remote_flags(args)
    n_shards = count_shards(args.n_shards, remote)
    options = read_cap_flags(args)
    device = device_of(args)
    photo = read_photo(args.photo)
    prompt.check(photo.shape[1], photo.shape[0])
    sam = build_sam(args.model, args.checkpoint, **speed_options(args)).to(device)
    predictor = DistributedSamPredictor(
        sam,
        remote.connect(**options) if remote else LocalShards(n_shards, **options),
        plan=args.plan,
        policy=args.policy,
        payload=args.payload,
        defence=defence,
        policy_key=read_policy_key(args),
    )
    with predictor.scene(photo, args.scene):
        predictor.set_image(photo)
    masks, scores, _ = predictor.predict(**prompt.arguments)
    mask = masks[int(scores.argmax())]
    write_file(args.out, encoded(mask.astype("uint8") * 255, args.out))
    if args.overlay:
        drawn = overlay(photo, mask[None], side=max(photo.shape))
        drawn = draw_box(drawn, prompt.values) if prompt.kind == BOX else drawn
        write_file(args.overlay, encoded(drawn, args.overlay))
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


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse files that could not hold what is asked for, before anything is computed.

    Raises:
        PedbenchError: the mask's format is lossy, the overlay's unknown, one file would overwrite
            another, or a file cannot be written.
    """
    from framework.errors import PedbenchError

    if args.out.suffix.lower() not in LOSSLESS:
        raise PedbenchError(
            f"--out {args.out}: a mask is 0 and 255, and only {', '.join(LOSSLESS)} keep it so: "
            f"give --out {args.out.with_suffix('.png') if args.out.name else 'FILE.png'}"
        )
    if args.overlay and args.overlay.suffix.lower() not in PICTURES:
        raise PedbenchError(
            f"--overlay {args.overlay} is none of {', '.join(PICTURES)}: give FILE.png"
        )
    files = [path for path in (args.photo, args.out, args.overlay) if path]
    if any(_same_file(*pair) for pair in combinations(files, 2)):
        raise PedbenchError("photo, --out and --overlay name one file twice: give another name")
    for path in files[1:]:
        if not path.resolve().parent.is_dir():
            raise PedbenchError(f"there is no folder {path.parent}: make it, or give another")
        if path.is_dir() or not os.access(
            path if path.exists() else path.resolve().parent, os.W_OK
        ):
            raise PedbenchError(f"{path} cannot be written as a file: give another FILE.png")


def _same_file(one: Path, other: Path) -> bool:
    """Whether two names, links too, lead to one file."""
    both_there = one.exists() and other.exists()
    return one.samefile(other) if both_there else one.resolve() == other.resolve()


def count_shards(given: int | None, remote: Remote | None) -> int:
    """How many shards there are.

    Raises:
        PedbenchError: the number contradicts the servers that are named.
    """
    from framework.errors import PedbenchError

    if remote is None:
        return DEFAULT_SHARDS if given is None else given
    named = len(remote.addresses)
    if given not in (None, named):
        raise PedbenchError(
            f"--n-shards {given}, but --shards names {named} servers: leave --n-shards out"
        )
    return named
