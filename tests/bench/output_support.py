"""Small hand-made runs with known answers, for the tests of tables, figures and report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image as Pillow

from bench.report.data import RunData
from bench.runner.folder.records import NOT_APPLICABLE, Record, to_frame, write_records

PROVENANCE = {
    "benchmark_version": "0.0.0",
    "commit": "c0ffee",
    "weights": "shipped:feed",
    "dataset": "handmade",
    "dataset_fingerprint": "f00d",
    "device": "cpu",
}
PIPELINE: Record = {
    "model": "tiny",
    "plan": "interleaved",
    "payload": "float32",
    "policy": "random",
    "n_shards": 4,
    "defence": "none",
    "strength": 0.0,
    "adapted": False,
    "frames": 1,
}
KINDS = {
    "mean_colour": "floor",
    "dataset_mean": "floor",
    "telea": "inpainting",
    "ridge": "inversion",
    "conv_decoder": "inversion",
    "centralized": "ceiling",
}


def segmentation(image_id: str, scores: dict[str, float], **changes: Any) -> list[Record]:
    """Segmentation rows of one image."""
    facts = {**PIPELINE, "image_id": image_id, "attack": "", "region": "", "status": "ok"}
    return [{**facts, "metric": name, "value": value} | changes for name, value in scores.items()]


def exposure(image_id: str, fraction: float, **changes: Any) -> list[Record]:
    """The visible share of one coalition on one image."""
    facts = {**_watch(image_id, "exposure"), "attack_kind": "exposure", "region": ""}
    return [{**facts, "metric": "visible_fraction", "value": fraction} | changes]


def leak(
    image_id: str, attack: str, metric: str, hidden: float | None, **changes: Any
) -> list[Record]:
    """One score of one attack in the hidden region; ``None`` where nothing is hidden."""
    facts = {**_watch(image_id, attack), "region": "hidden", "metric": metric, "value": hidden}
    if hidden is None:
        facts["status"] = NOT_APPLICABLE
    return [facts | changes]


def _watch(image_id: str, attack: str) -> Record:
    return {
        **PIPELINE,
        "image_id": image_id,
        "coalition": 1,
        "coalition_choice": "largest",
        "stage": "earliest",
        "attack": attack,
        "attack_kind": KINDS.get(attack),
        "adaptive": True,
        "seed": 0,
        "status": "ok",
    }


def write_run(folder: Path, records: list[Record], **config: Any) -> RunData:
    """A run folder with these records, read back."""
    folder.mkdir(parents=True, exist_ok=True)
    write_records([to_frame([{**PROVENANCE, **record} for record in records])], folder)
    (folder / "config.yaml").write_text(yaml.safe_dump({"preset": "handmade", **config}))
    facts = {"created": "2026-01-01T00:00:00+00:00", "machine": {"cores": 2}, **PROVENANCE}
    (folder / "environment.json").write_text(json.dumps(facts))
    return RunData.read(folder)


def write_picture(path: Path, seed: int = 0) -> str:
    """A small PNG; its path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Pillow.fromarray(pixels).save(path)
    return str(path)


def full_run(folder: Path) -> RunData:
    """Two photos, two numbers of shards, two coalitions, noise, int8, stages and pictures."""
    records: list[Record] = []
    for number, name in enumerate(("one", "two")):
        for settings in _settings():
            loss = 0.02 * settings["strength"] + (0.01 if settings["payload"] == "int8" else 0)
            scores = {"miou_box": 0.7 - loss + 0.1 * number, "miou_point": 0.6 - loss}
            scores |= {"miou_fill": 0.5, "agreement_box": 1 - loss, "instances": 2 + number}
            scores |= {"embedding_error": loss, "rounds": 4, "bytes_up": 1e6, "bytes_down": 1e6}
            scores["agreement_point"] = 1 - loss
            records += segmentation(name, scores, **settings)
            for coalition in (1, 2, 4):
                if coalition == 1 or settings["defence"] == "none":
                    records += _watched(name, number, settings, coalition)
    for region in ("visible", "hidden"):
        records += leak("one", "ridge", "psnr", 9.0, region=region, stage="2")
    home = folder / "images" / "one"
    place = home / "interleaved-float32-random-4-c1"
    write_picture(home / "truth.png")
    write_picture(home / "mask_truth.png")
    write_picture(place / "seen.png")
    write_picture(home / "interleaved-float32-random-4-c2" / "seen.png", 1)
    for record in records:
        plain = record["image_id"] == "one" and record.get("coalition") in (1, 2)
        undefended = record["strength"] == 0 and record["payload"] == "float32"
        kept = plain and undefended and record["n_shards"] == 4 and record["region"] != ""
        if kept and record["stage"] == "earliest":
            kept_in = home / f"interleaved-float32-random-4-c{record['coalition']}"
            seed = len(record["attack"]) + record["coalition"]
            file = write_picture(kept_in / f"{record['attack']}.png", seed)
            record["image_file"] = str(Path(file).relative_to(folder))
    noisy = place.with_name("interleaved-float32-random-4-gaussian0.5-c1") / "ridge.png"
    wanted = {"image_id": "one", "region": "visible", "attack": "ridge", "strength": 0.5}
    wanted |= {"n_shards": 4, "adaptive": True}
    for record in records:
        if all(record.get(key) == value for key, value in wanted.items()):
            record["image_file"] = str(Path(write_picture(noisy)).relative_to(folder))
    write_picture(home / "mask_interleaved-float32-random-4-gaussian0.5.png")
    owners = {"n_shards": 4, "windows": [[0, 0, 24, 16, 0], [0, 16, 24, 32, 3], [24, 0, 24, 16, 1]]}
    (home / "owners_interleaved-float32-random-4.json").write_text(json.dumps(owners))
    return write_run(folder, records, pictures=[{"policy": "random", "n_shards": 4}])


def _settings() -> list[Record]:
    found = []
    for shards in (4, 25):
        for payload, strength in (("float32", 0.0), ("int8", 0.0), ("float32", 0.5)):
            defence = "gaussian" if strength else "none"
            same = {"n_shards": shards, "payload": payload, "strength": strength}
            found.append({**same, "defence": defence})
    return found


def _watched(name: str, number: int, settings: Record, coalition: int) -> list[Record]:
    share = coalition / 4
    here = {**settings, "coalition": coalition}
    records = exposure(name, share, **here)
    for place, attack in enumerate(KINDS):
        ceiling = attack == "centralized"
        hidden = 60.0 if ceiling else 10.0 + place + number + coalition
        for region, psnr in (("hidden", hidden), ("visible", 30.0), ("full", hidden + 1)):
            empty = region == "hidden" and share == 1
            lpips = 0.0 if ceiling else 0.6 - psnr / 100
            records += leak(name, attack, "psnr", None if empty else psnr, region=region, **here)
            records += leak(name, attack, "lpips", None if empty else lpips, region=region, **here)
            if attack == "ridge" and settings["defence"] != "none":
                other = {**here, "region": region, "adaptive": False}
                records += leak(name, attack, "psnr", None if empty else psnr - 2, **other)
    return records
