"""``python -m tests.chaos.victim PHOTO LEDGER CERTS CHECKPOINT SERVER …``: an edge to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from framework import DistributedSamPredictor, GrpcShards, Tls, build_sam
from framework.exposure import Guard, Ledger
from tests.chaos.edge import CAPS


def main(photo: str, ledger: str, certs: str, checkpoint: str, *servers: str) -> None:
    """Segment the photo over and over."""
    torch.set_num_threads(1)
    folder = Path(certs)
    tls = Tls(folder / "edge.crt", folder / "edge.key", folder / "ca.crt")
    image = np.asarray(Image.open(photo))
    shards = GrpcShards(servers, tls, guard=Guard(Ledger(ledger), CAPS))
    predictor = DistributedSamPredictor(build_sam("tiny", checkpoint), shards)
    while True:
        with predictor.scene(image, "chaos"):
            predictor.set_image(image)


if __name__ == "__main__":
    main(*sys.argv[1:])
