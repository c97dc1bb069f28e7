"""Which rows the paper takes from the tables of reports."""

from __future__ import annotations

from itertools import product

import pandas as pd

from bench.report.paper.rows import largest_coalitions, recognised, undefended


def segmentation(plan: str, payload: str, policy: str = "random", **given: object) -> dict:
    row = {"plan": plan, "payload": payload, "policy": policy, "n_shards": 4, "adapted": False}
    return {**row, "defence": "none", "miou_box": 0.7, "agreement_box": 1.0, **given}


def test_segmentation_has_every_plan_and_alike_policies_once() -> None:
    rows = [
        segmentation("local", "float32"),
        segmentation("local", "int8"),
        *[
            segmentation("interleaved", "float32", policy, n_shards=shards)
            for policy, shards in product(("contiguous", "random", "strided"), (4, 9))
        ],
        segmentation("interleaved", "int8", agreement_box=0.99),
        segmentation("interleaved", "float32", defence="gaussian"),
        segmentation("prefix", "float32"),
        segmentation("prefix", "int8"),
        segmentation("globals_last", "float32", adapted=True),
        segmentation("globals_last", "int8", adapted=True),
    ]
    found = undefended(pd.DataFrame(rows))
    assert found[["plan", "payload", "policy", "n_shards"]].to_numpy().tolist() == [
        ["local", "float32", "–", "–"],
        ["interleaved", "float32", "any of 3", "4, 9"],
        ["interleaved", "int8", "random", "4"],
        ["prefix", "float32", "random", "4"],
        ["globals last, adapted", "float32", "random", "4"],
        ["globals last, adapted", "int8", "random", "4"],
    ]


def test_of_reconstructions_the_one_in_which_most_is_recognised() -> None:
    row = {"recogniser": "faces", "metric": "face_recall", "policy": "random"}
    pictures = {"push_pull": 0.2, "conv_decoder": 0.5, "seen": 0.1}
    rows = [{**row, "picture": name, "1 of 4": score} for name, score in pictures.items()]
    alarms = [{**each, "metric": "face_false_alarms", "1 of 4": 9} for each in rows]
    found = recognised(pd.DataFrame([*alarms, *rows]))
    assert found["picture"].tolist() == ["seen", "conv_decoder"]
    assert found["1 of 4"].tolist() == [0.1, 0.5]


def test_every_policy_has_its_single_shard_and_the_usual_one_its_largest_coalition() -> None:
    row = {"plan": "interleaved", "n_shards": 4, "coalition_choice": "largest"}
    sizes = [("strided", 1), ("strided", 2), *(("random", size) for size in (1, 2, 3, 4))]
    frame = pd.DataFrame({**row, "policy": policy, "coalition": size} for policy, size in sizes)
    found = largest_coalitions(frame)
    assert found[["policy", "coalition"]].to_numpy().tolist() == [
        ["random", 1],
        ["random", 3],
        ["strided", 1],
    ]
