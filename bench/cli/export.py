"""`pedbench export`: a model's encoder as ONNX files."""

from __future__ import annotations

import argparse
from pathlib import Path

ANOTHER_OUT = "give another --out, or free space there"


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "export", help="write the encoder's shard stages and edge part as ONNX files"
    )
    parser.add_argument("--model", default="tiny", help="export this model (default: tiny)")
    parser.add_argument("--checkpoint", help="load this weight file, or 'random' for timing only")
    parser.add_argument("--out", type=Path, required=True, help="write the files here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand."""
    from framework import build_sam
    from framework.files.writing import make_folder, writing
    from framework.models.onnx.files import export_encoder

    sam = build_sam(args.model, args.checkpoint, runtime="onnx")
    make_folder(args.out, ANOTHER_OUT)
    with writing(args.out, ANOTHER_OUT):
        manifest = export_encoder(sam.image_encoder, sam.arch, args.out, sam.weights.sha256)
    print(f"{manifest}: what each file computes, its inputs and its blocks")
    return 0
