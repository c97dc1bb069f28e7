"""A small hand-made run of the attack suite, with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.report.data import RunData
from bench.runner.folder.records import Record
from tests.bench.output_support import KINDS, PIPELINE, write_run

SUITE_KINDS = KINDS | {
    "push_pull": "inpainting",
    "biharmonic": "inpainting",
    "navier_stokes": "inpainting",
    "gated_inpainting": "inpainting",
    "mae_inpainting": "inpainting",
    "pseudo_inverse": "inversion",
    "transformer_decoder": "inversion",
    "optimise": "inversion",
    "whole_image_decoder": "inversion",
    "whole_image_decoder_round1": "inversion",
    "ridge_prior": "floor",
    "conv_decoder_prior": "floor",
    "whole_image_prior": "floor",
    "centralized": "ceiling",
}
COALITIONS = {4: (1, 2), 25: (1, 5, 13)}
STAGED = ("mean_colour", "pseudo_inverse", "ridge", "conv_decoder", "transformer_decoder")
STAGED += ("optimise",)
LEARNED = ("ridge", "conv_decoder", "whole_image_decoder", "gated_inpainting", "mae_inpainting")


def suite_records(images: int = 3, seeds: int = 2) -> list[Record]:
    """Records of all groups of the suite; `gain` of each attack over its floor is known."""
    records: list[Record] = []
    for number in range(images):
        image = f"photo{number}"
        for shards, coalitions in COALITIONS.items():
            for coalition in coalitions:
                here = {"n_shards": shards, "coalition": coalition}
                records += _cell(image, number, seeds, **here)
        records += _stages(image, number)
        records += _mixed(image, number)
        records += _noise(image, number, seeds)
    return records


def suite_run(folder: Path, **counts: int) -> RunData:
    """`suite_records`, written and read back."""
    return write_run(folder, suite_records(**counts))


def score(image: str, attack: str, metric: str, region: str, value: float, **more: Any) -> Record:
    """One score of one attack."""
    facts = {"coalition": 1, "coalition_choice": "largest", "stage": "earliest", "seed": 0}
    facts |= {"attack_kind": SUITE_KINDS.get(attack), "adaptive": True, "status": "ok"}
    own = {"image_id": image, "attack": attack, "metric": metric, "region": region}
    return {**PIPELINE, **facts, "seconds": 0.5, **own, "value": value} | more


def _both(image: str, attack: str, region: str, psnr: float, **more: Any) -> list[Record]:
    lpips = max(0.0, 0.8 - psnr / 60)
    return [
        score(image, attack, "psnr", region, psnr, **more),
        score(image, attack, "lpips", region, lpips, **more),
    ]


def _seeds(attack: str, seeds: int) -> range:
    learned = attack in LEARNED or attack.endswith("_prior")
    return range(seeds if learned else 1)


def _cell(image: str, number: int, seeds: int, **here: Any) -> list[Record]:
    share = here["coalition"] / here["n_shards"]
    seen = {"visible_fraction": share, "objects_half_seen": min(1, share * 1.2)}
    seen |= {"objects_seen_90": share / 2, "object_max_fraction": min(1.0, share * 2)}
    kind = {"attack_kind": "exposure"}
    records = [score(image, "exposure", name, "", v, **kind, **here) for name, v in seen.items()]
    for place, (attack, kind_of) in enumerate(SUITE_KINDS.items()):
        if attack in ("optimise", "transformer_decoder", "dataset_mean") and number > 9:
            continue
        for seed in _seeds(attack, seeds):
            hidden = {"floor": 11.0, "ceiling": 60.0}.get(kind_of, 12.0)
            hidden += 0.1 * place + 0.3 * number + 4 * share + 0.05 * seed
            visible = {"floor": 11.0, "inversion": 32.0}.get(kind_of, 60.0)
            for region, value in (
                ("hidden", hidden),
                ("always_hidden", hidden - 0.5),
                ("visible", visible),
                ("full", hidden + 8 * share),
            ):
                value = min(60.0, value)
                records += _both(image, attack, region, value, seed=seed, **here)
    return records


def _stages(image: str, number: int) -> list[Record]:
    records: list[Record] = []
    for stage in (0, 1, 2, 4, 6):
        for place, attack in enumerate(STAGED):
            psnr = 11.0 if place == 0 else 60.0 - 5 * stage * (1 - 0.1 * place) - 6 * (stage > 0)
            more = {"stage": str(stage), "seconds": 0.01 * 10 ** (place / 2) * (1 + stage)}
            for region in ("visible", "full"):
                records += _both(image, attack, region, max(12.0, psnr) + number, **more)
    return records


def _mixed(image: str, number: int) -> list[Record]:
    records: list[Record] = []
    padding = {"coalition_choice": "padding", "n_shards": 4}
    cases: list[Record] = [{"n_shards": n} for n in COALITIONS] + [padding]
    for case in cases:
        for stage in (0, 2, 4, 6):
            value = 13.0 + 0.2 * stage + 0.1 * number * stage
            records += _both(
                image, "whole_image_decoder", "hidden", value, stage=str(stage), **case
            )
    for attack, value in (
        ("whole_image_decoder", 14.0 + 0.2 * number),
        ("whole_image_decoder_round1", 12.0),
        ("whole_image_prior", 11.5),
        ("dataset_mean", 11.0),
    ):
        records += _both(image, attack, "hidden", value, **padding)
    return records


def _noise(image: str, number: int, seeds: int) -> list[Record]:
    noisy = {"defence": "noise_only", "strength": 1.0}
    records: list[Record] = []
    for attack in ("mean_colour", "telea", "ridge", "ridge_prior", "conv_decoder"):
        for seed in _seeds(attack, seeds):
            for region in ("hidden", "visible"):
                value = 11.0 + 0.01 * ((7 * number + 3 * seed + len(attack)) % 5)
                records += _both(image, attack, region, value, seed=seed, **noisy)
    for seed in range(seeds):
        for region in ("hidden", "visible"):
            value = 11.02 + 0.01 * number
            more = {"seed": seed, **noisy}
            records += _both(image, "conv_decoder_prior", region, value, **more)
    return records
