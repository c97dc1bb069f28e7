"""`pedbench survey`: people judge pairs of reconstructions, blind."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.flags.arguments import not_negative_int, positive_int


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "survey",
        help="write a page where a person judges pairs of reconstructions, blind",
        description="Write survey.html of a run folder: pairs of its kept reconstructions without "
        "names, beside the original. The page saves a person's answers as a file, which --answers "
        "turns into records.",
    )
    parser.add_argument("folder", type=Path, help="show reconstructions of this run folder")
    parser.add_argument(
        "--answers",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="add these files of answers to the run instead",
    )
    parser.add_argument(
        "--pairs", type=positive_int, default=60, metavar="N", help="ask N pairs (default: 60)"
    )
    parser.add_argument(
        "--seed", type=not_negative_int, default=0, help="choose them with this seed (default: 0)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    # Imported here, or each command would wait seconds for PyTorch.
    from bench.submission.json_file import read_json
    from bench.survey import JUDGEMENTS, KEY
    from bench.survey.judgements import add_answers
    from bench.survey.page import write_survey
    from bench.words import plural

    if args.answers:
        count = add_answers(args.folder, args.answers)
        print(f"{count} answers are in {args.folder / JUDGEMENTS}")
        print(f"the report shows them after 'pedbench report {args.folder}'")
    else:
        page = write_survey(args.folder, args.pairs, args.seed)
        print(f"{page}: {plural(len(read_json(args.folder / KEY)['pairs']), 'pair')}")
    return 0
