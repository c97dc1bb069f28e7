"""`pedbench demo`: a page on this machine that shows what servers see of a photo."""

from __future__ import annotations

import argparse
import os

from bench.flags.arguments import add_photo_flags, port, whole

PORT = 8765
MOST = 16


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("demo", help="show in the browser what servers see of a photo")
    parser.add_argument("--model", default="tiny", help="use this model (default: tiny)")
    parser.add_argument("--checkpoint", help="load this weight file")
    parser.add_argument(
        "--max-shards",
        type=whole(1, MOST),
        default=9,
        metavar="N",
        help="offer up to N shard processes, which start when asked for (default: 9)",
    )
    parser.add_argument(
        "--port",
        type=port,
        default=PORT,
        help=f"serve the page on this port of this machine; 0 takes a free one (default: {PORT})",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    add_photo_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand.

    Raises:
        PedbenchError: the extra 'demo' is not installed; or as in `bench.demo.serve.serve`.
    """
    from framework.errors import PedbenchError
    from framework.warn import tell

    tell("starting the page and its shards: some 15 s")
    try:
        from bench.demo.serve import serve
    except ModuleNotFoundError as error:
        if error.name != "nicegui":
            raise
        raise PedbenchError(
            "the demo needs NiceGUI, which is not installed: pip install 'pedbench[demo]'"
        ) from error
    serve(args.model, args.checkpoint, args.max_shards, args.port, not args.no_browser)
    print("the page and all shard processes have stopped", flush=True)
    os._exit(0)  # a computation that nobody waits for any more would hold this process up
