"""Weights of the learned inpainters, from folders of public photos.

``python -m attacks.train_inpainting --photos DIR... [--attack NAME] [--out FILE]``
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from safetensors.numpy import save_file
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.base import ATTACKS, Knowledge, PublicExample
from attacks.reconstruction.gated_inpainting import NET, SHIPPED, STEPS, GatedInpainting
from framework.errors import PedbenchError
from framework.models.architectures import Architecture, architecture
from framework.observation import Observation

SUFFIXES = {".jpg", ".jpeg", ".png"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        attack_class = ATTACKS.get(options.attack)
        if not issubclass(attack_class, GatedInpainting):
            raise PedbenchError(f"attack '{options.attack}' is no learned inpainting: name one")
        arch = architecture(options.model)
        public = [_example(path, arch) for path in _photos(options.photos)]
        out = options.out or SHIPPED / f"{options.attack}.safetensors"
        attack = attack_class(seed=options.seed, steps=options.steps)
        start = time.monotonic()
        attack.learn(Knowledge(None, public, options.device))
        card = {
            "attack": options.attack,
            "photos": [str(folder) for folder in options.photos],
            "count": len(public),
            "seed": options.seed,
            "seconds": round(time.monotonic() - start),
            "curve (step, loss, held-out error)": np.round(attack.learned["curve"], 4).tolist(),
        }
        weights = {n: v.astype(np.float16) for n, v in attack.learned.items() if n.startswith(NET)}
        out.parent.mkdir(parents=True, exist_ok=True)
        save_file(weights, out)
        out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    except (PedbenchError, OSError) as error:
        print(f"attacks.train_inpainting: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m attacks.train_inpainting", description=__doc__)
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of photos")
    parser.add_argument("--attack", default="gated_inpainting", help="which inpainter")
    parser.add_argument("--out", type=Path, help="weights to write, beside them their card")
    parser.add_argument("--model", default="tiny", help="model whose windows are the holes")
    parser.add_argument("--steps", type=int, default=10 * STEPS, help="of training at most")
    parser.add_argument("--seed", type=int, default=0, help="of photos, masks and weights")
    parser.add_argument("--device", default="cpu", help="where to train, as PyTorch names it")
    return parser


def _photos(folders: Sequence[Path]) -> list[Path]:
    found = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES
    )
    if not found:
        raise PedbenchError(f"no photo in {', '.join(map(str, folders))}: give folders of photos")
    return found


def _example(path: Path, arch: Architecture) -> PublicExample:
    """A photo with an empty observation, of which training uses the grid alone."""
    try:
        image = np.asarray(Image.open(path).convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise PedbenchError(f"photo {path} cannot be read ({error}): leave it out") from error
    frame = ResizeLongestSide(arch.img_size).apply_image(image)
    size = (frame.shape[0], frame.shape[1])
    sides = arch.img_size, arch.patch_size, arch.window_size
    observation = Observation(
        *sides, size, n_shards=1, shards=(0,), plan="local", payload="float32", messages=()
    )
    return PublicExample(frame, observation)


if __name__ == "__main__":
    sys.exit(main())
