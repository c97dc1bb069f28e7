"""`pedbench run`: measure."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.outputs import print_written, steps
from bench.file_names import file_name
from bench.flags.arguments import add_device_flag, add_photo_flags, part, positive_int, whole
from bench.flags.remote import add_remote_flags, read_remote_flags
from framework.errors import PedbenchError
from framework.warn import warn

if TYPE_CHECKING:
    from bench.spec.config import RunConfig


MOST_SEEDS = 1000


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "run", help="run a preset on a data set, then write tables, figures and report"
    )
    add_arguments(parser)
    parser.set_defaults(run=run, resumes=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a run."""
    parser.add_argument(
        "--preset", default="quick", help="name a preset or a YAML file (default: quick)"
    )
    parser.add_argument(
        "--data",
        help="score this data set, e.g. embedded or coco:DIR (default: the preset's)",
    )
    parser.add_argument(
        "--public",
        action="append",
        help="train attacks on this data set; may be repeated (default: the preset's)",
    )
    parser.add_argument("--model", help="use tiny, vit_b, vit_l or vit_h (default: the preset's)")
    parser.add_argument("--checkpoint", help="load this weight file, or 'random' for timing only")
    parser.add_argument(
        "--precision", help="compute the encoder in float32, float16, bfloat16, or int8 (CPU only)"
    )
    parser.add_argument("--adapted-checkpoint", help="load weights adapted to globals_last")
    parser.add_argument("--attacks", help="run only these attacks, e.g. telea,ridge")
    parser.add_argument(
        "--metrics", help="score also with these metrics on demand, e.g. ms_ssim,dists"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        action="extend",
        metavar="SETTING=VALUE",
        help="run only cells with these settings, e.g. policy=random n_shards=4,9",
    )
    parser.add_argument(
        "--seeds", type=whole(1, MOST_SEEDS), metavar="N", help="train attacks with N seeds"
    )
    parser.add_argument(
        "--limit", type=positive_int, metavar="N", help="score only the first N images"
    )
    parser.add_argument("--images", help="read the images of a coco: data set from this folder")
    parser.add_argument("--annotations", help="read the masks of a coco: data set from this file")
    parser.add_argument(
        "--out", type=Path, help="write the run to this folder (default: results/PRESET-DATA)"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="discard the run in the folder and start anew"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print what there is to do, how long it takes and what it leaves on the disk",
    )
    parser.add_argument(
        "--save-images", action="store_true", help="save every reconstruction as PNG"
    )
    parser.add_argument(
        "--keep-reconstructions",
        action="store_true",
        help="keep every reconstruction as lossless WebP, for 'rescore', and print the size",
    )
    parser.add_argument(
        "--no-pictures", action="store_true", help="save no pictures, not even those of the report"
    )
    parser.add_argument(
        "--workers", type=positive_int, metavar="N", help="use N processes (default: by model)"
    )
    parser.add_argument(
        "--executor",
        metavar="ENGINE",
        help="compute in 'processes' of this machine, or on the Dask cluster of dask://HOST:PORT "
        "(default: processes)",
    )
    parser.add_argument(
        "--part",
        type=part,
        metavar="K/N",
        help="compute only part K of N, each a fixed share of the work; see 'merge'",
    )
    add_device_flag(parser)
    add_photo_flags(parser)
    keep = parser.add_mutually_exclusive_group()
    keep.add_argument(
        "--store-size",
        metavar="SIZE",
        help="limit the store of results, e.g. 500MB (default: 2GB or $PEDBENCH_STORE_SIZE)",
    )
    keep.add_argument(
        "--no-store",
        action="store_const",
        const="0",
        dest="store_size",
        help="neither read nor write the store of results",
    )
    add_remote_flags(parser)


GIVEN = (
    "data",
    "model",
    "checkpoint",
    "precision",
    "adapted_checkpoint",
    "limit",
    "images",
    "annotations",
)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    content = preset_content(args)
    if is_latency(content):
        # Servers, links and their figures: 0.7 s that other presets do not need.
        from bench.latency import command

        return command.run(args)
    asked = asked_for(args, content)

    from bench.report.write import write_all
    from bench.runner.checks import lpips_absent
    from bench.runner.evaluation.pictures import kept_size
    from bench.runner.forecast.dry_run import dry_run
    from bench.runner.forecast.measuring import report_measured
    from bench.runner.run import run as carry_out

    if args.dry_run:
        print(dry_run(**asked).text())
        return 0
    result = carry_out(**asked)
    without = ", LPIPS missing" if lpips_absent(asked["config"]) else ""
    stored = f", {result.from_store} from the store" if result.from_store else ""
    print(
        f"{result.new_units} new cells{stored}, {result.total} records, "
        f"{result.failed} failed{without}"
    )
    if 0 < result.failed < result.total:
        warn(f"first failure: {result.first_failure}; all: {asked['folder']}/tables/failures.md")
    if asked["config"].keep_reconstructions:
        files, size = kept_size(asked["folder"])
        print(f"pictures kept: {files} files, {size / 1e6:.1f} MB")
    with report_measured(result.place) as paths, steps() as step:
        paths += write_all(asked["folder"], asked["store"], step)
    print_written(paths)
    if result.total and result.failed == result.total:
        raise PedbenchError(f"nothing could be measured: {result.first_failure}")
    return 0


def preset_content(args: argparse.Namespace) -> dict[str, Any]:
    """What the preset's file says.

    Raises:
        PedbenchError: no such preset, or it is not YAML.
    """
    from bench.spec.config import find_preset
    from bench.spec.fields import read_yaml

    return read_yaml(find_preset(args.preset))


def is_latency(content: Mapping[str, Any]) -> bool:
    """Whether a preset measures time over links."""
    from bench.latency.config import SECTION

    return SECTION in content


def asked_for(args: argparse.Namespace, content: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `bench.runner.run.run` that a command line asks for.

    Args:
        content: of the preset's file.

    Raises:
        PedbenchError: no such preset, or one that cannot be run.
    """
    from bench.cache.store import open_store
    from bench.runner.units.share import Share
    from bench.spec.checks import at
    from bench.spec.config import config_of, find_preset
    from bench.spec.restriction import read_only

    path = find_preset(args.preset)
    config = config_of(content, path, path.stem)
    given = {name: getattr(args, name) for name in GIVEN if getattr(args, name) is not None}
    config = dataclasses.replace(
        config,
        save_images=args.save_images,
        keep_reconstructions=args.keep_reconstructions,
        remote=read_remote_flags(args),
        **given,
    )
    if args.public:
        config = dataclasses.replace(config, public=tuple(args.public))
    if args.seeds is not None:
        config = dataclasses.replace(config, seeds=tuple(range(args.seeds)))
    if args.metrics is not None:
        config = dataclasses.replace(config, metrics=tuple(args.metrics.split(",")))
    if args.attacks is not None:
        config = only_attacks(config, tuple(args.attacks.split(",")))
    if args.only:
        config = dataclasses.replace(config, only=read_only(args.only))
    if args.no_pictures:
        config = dataclasses.replace(config, pictures=())
        if args.save_images or args.keep_reconstructions:
            flag = "--save-images" if args.save_images else "--keep-reconstructions"
            raise PedbenchError(f"{flag} and --no-pictures are both given: leave one out")
    with at(f"preset {args.preset}"):
        config.check()
    return {
        "config": config,
        "folder": args.out or default_folder(config),
        "device": args.device,
        "workers": args.workers,
        "store": open_store(args.store_size),
        "fresh": args.fresh,
        "executor": args.executor,
        "share": Share(*args.part) if args.part else None,
    }


def only_attacks(config: RunConfig, names: tuple[str, ...]) -> RunConfig:
    """The same run with these attacks alone.

    Raises:
        PedbenchError: an attack is unknown, or the run asks for it nowhere.
    """
    from attacks.base import ATTACKS

    for name in names:
        ATTACKS.get(name)
        if not any(name in group.attack_names() for group in config.groups):
            raise PedbenchError(
                f"preset '{config.preset}' does not run attack '{name}': "
                "give --preset attacks, which runs all, or a preset of your own"
            )
    groups = []
    for group in config.groups:
        wanted = names if "all" in group.attacks else [n for n in group.attacks if n in names]
        recognised = tuple(name for name in group.recognise_on if name in wanted)
        narrowed = dataclasses.replace(
            group, attacks=tuple(wanted), without=(), recognise_on=recognised
        )
        if next(narrowed.cells(config.seeds), None) is not None:
            groups.append(narrowed)
    return dataclasses.replace(config, groups=tuple(groups))


def default_folder(config: RunConfig) -> Path:
    """``results/PRESET-DATA``, from the last part of the data set's name."""
    scheme, _, rest = config.data.partition(":")
    data = Path(rest).name if rest else scheme
    parts = [file_name(config.preset), data] + ([] if config.model == "tiny" else [config.model])
    parts += [] if config.precision == "float32" else [config.precision]
    return Path("results") / "-".join(parts)
