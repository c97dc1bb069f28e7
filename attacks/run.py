"""One attack on one serialised observation, in a process that has nothing else.

``python -m attacks.run ATTACK OBSERVATION OUT.png --state STATE.safetensors``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.base import ATTACKS, Attack, Knowledge, reconstruction
from attacks.features.public_examples import observe
from framework.errors import PedbenchError
from framework.files.photos import read_photo
from framework.files.picture_file import megapixel_limit
from framework.models.build import build_sam
from framework.split.observation import Observation


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        observation = Observation.from_bytes(_read(options.observation))
        if options.seed < 0:
            raise PedbenchError(f"seed {options.seed}: give 0 or more")
        attack = ATTACKS.get(options.attack)(seed=options.seed)
        with megapixel_limit(options.max_megapixels):
            _prepare(attack, observation, options)
        picture = reconstruction(attack, observation)
        Image.fromarray(picture).save(options.out, format="PNG")
    except (PedbenchError, OSError) as error:
        print(f"attacks.run: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m attacks.run", description=__doc__)
    parser.add_argument("attack", help="name of a registered attack")
    parser.add_argument("observation", type=Path, help="what Observation.to_bytes wrote")
    parser.add_argument("out", type=Path, help="PNG to write")
    parser.add_argument("--state", type=Path, help="a trained attack's state, as safetensors")
    parser.add_argument("--public", type=Path, nargs="*", default=[], help="photos to learn from")
    parser.add_argument("--max-megapixels", type=float, metavar="N", help="refuse larger photos")
    parser.add_argument("--model", default="tiny", help="model under attack, to learn with")
    parser.add_argument("--checkpoint", help="its weights, as for build_sam")
    parser.add_argument("--seed", type=int, default=0, help="of the attack's training")
    return parser


def _prepare(attack: Attack, observation: Observation, options: argparse.Namespace) -> None:
    """Load what the attack learned, or let it learn: as the deployment does, without a defence."""
    if options.state is not None:
        try:
            attack.load_state(load_file(options.state))
        except SafetensorError as error:
            raise PedbenchError(f"{options.state} is not a safetensors file: {error}") from error
        return
    sam = build_sam(options.model, options.checkpoint)
    resize = ResizeLongestSide(sam.arch.img_size).apply_image
    frames = [resize(read_photo(path)) for path in options.public]
    public = [observe(sam, frame, observation.plan, observation.payload) for frame in frames]
    attack.fit(Knowledge(sam, public, str(sam.device)))


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise PedbenchError(f"observation {path} does not exist: give a file")
    return path.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
