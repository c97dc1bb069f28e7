"""Small hand-made submissions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from bench.runner.folder.records import Record
from bench.submission.card import EXAMPLE
from tests.bench.output_support import KINDS, PROVENANCE, leak, segmentation, write_run

GROUP = {"policy": ["random"], "n_shards": [4], "coalitions": {4: [1]}, "attacks": ["telea"]}
CARD = {**EXAMPLE, "title": "Ours", "authors": ["B. Writer"], "summary": "Noise, measured."}
ATTACKERS = ("mean_colour", "telea", "ridge")


def scores(*, images: int = 3, seeds: int = 3, better: float = 0.0, **changes: Any) -> list[Record]:
    """Masks and reconstructions of some photos; the attacks are ``better`` by some decibels."""
    records: list[Record] = []
    for number in range(images):
        name = f"photo {number}"
        records += segmentation(name, {"miou_box": 0.7, "instances": 2.0}, **changes)
        for place, attack in enumerate(ATTACKERS):
            gain = better if KINDS[attack] != "floor" else 0.0
            for seed in range(seeds):
                for region in ("hidden", "visible"):
                    psnr = 10.0 + 2 * place + number + gain
                    here = {"seed": seed, "region": region, **changes}
                    records += leak(name, attack, "psnr", psnr, **here)
                    records += leak(name, attack, "lpips", 0.8 - psnr / 50, **here)
    return records


def submission(folder: Path, records: list[Record] | None = None, **card: Any) -> Path:
    """A valid submission; ``card`` changes its card."""
    write_run(folder, scores() if records is None else records)
    config = {"preset": "small", "model": "tiny", "data": "synthetic:3", "seeds": [0, 1, 2]}
    (folder / "config.yaml").write_text(
        yaml.safe_dump({**config, "public": ["synthetic:64@7"], "groups": [GROUP]})
    )
    environment = {
        **PROVENANCE,
        "created": "2026-01-01T00:00:00+00:00",
        "model": "tiny",
        "python": "3.11.0",
        "machine": {"cores": 2},
        "packages": {"torch": "2.10"},
        "public": {"synthetic:64@7": "beef"},
    }
    (folder / "environment.json").write_text(json.dumps(environment))
    (folder / "attackers.json").write_text(json.dumps([{"attack": "ridge", "seed": 0}]))
    (folder / "card.json").write_text(json.dumps({**CARD, **card}))
    return folder
