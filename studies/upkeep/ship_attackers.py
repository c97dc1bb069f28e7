"""Write the attackers that come with the package: those of a preset that take long to train.

    python -m studies.upkeep.ship_attackers            # trains what the cache lacks, replaces the
    old ones

An attacker is shipped where it was trained step by step; ridge regressions take a second each and
are fitted by every user. States are in float16, with a card beside each: what it learned from, on
which device, with which packages, and the curve of its training. A run uses one only where attack,
seed, setting, model weights and the pixels of the public photos are the same; see
`bench.attackers.shipped`. Run it again whenever `tiny` or the code of an attack changes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from bench.attackers import trained
from bench.attackers.cards import CURVE
from bench.attackers.fitting import Attackers
from bench.attackers.shipped import FOLDER, LIMIT, save_shipped
from bench.cache.fingerprints import versions
from bench.datasets import open_dataset
from bench.runner.models import Models
from bench.spec.cells import AttackCell
from bench.spec.config import load_preset
from framework.errors import PedbenchError
from studies.command import exit_with


def main() -> int:
    """Read the command line, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", default="quick", help="whose attackers (default: quick)")
    options = parser.parse_args()
    made = dict(fitted(options.preset))
    for old in FOLDER.glob("*.safetensors"):
        old.unlink()
    total = sum(shipped(path, attacker) for path, attacker in made.items())
    if total > LIMIT:
        raise PedbenchError(f"{total / 1e6:.1f} MB of attackers: ship {LIMIT / 1e6:g} at most")
    print(f"{len(made)} attackers, {total / 1e6:.2f} MB in {FOLDER}")
    return 0


def fitted(preset: str) -> Iterator[tuple[Path, trained.Trained]]:
    """The attackers of a preset that were trained step by step, and where to ship each."""
    config = load_preset(preset)
    models = Models(config.model, config.checkpoint, config.adapted_checkpoint)
    attackers = Attackers(models, [open_dataset(spec) for spec in config.public])
    cells = [cell for cell in config.cells() if isinstance(cell, AttackCell)]
    for cell in tqdm(attackers.untrained(cells), unit="attacker"):
        attackers.get(cell)
    for path, attacker in attackers.all_trained(cells):
        if attacker.card[CURVE]:
            yield path, attacker


def shipped(path: Path, attacker: trained.Trained) -> int:
    """Write one; its bytes."""
    size = save_shipped(path, attacker, versions())
    print(f"{size / 1e3:>8.0f} kB  {path.name}")
    return size


if __name__ == "__main__":
    exit_with(main, "studies.upkeep.ship_attackers")
