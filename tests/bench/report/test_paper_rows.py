"""Which rows the paper takes from the tables of reports."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from bench.recognition import RECOGNISERS
from bench.report.paper.document import _answer
from bench.report.paper.questions import QUESTIONS
from bench.report.paper.rows import largest_coalitions, recognised, undefended
from bench.report.paper.sources import Source
from bench.report.render.table import Column, Table
from bench.report.words import readable


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
    assert found["picture"].tolist() == ["seen", "conv decoder"]
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


def test_every_recogniser_has_its_rows() -> None:
    rows = [
        {"recogniser": name, "metric": part.metrics[0], "policy": "random"}
        | {"picture": picture, "ceiling": 1.0, "1 of 4": score}
        for name, part in RECOGNISERS.items()
        for picture, score in (("seen", 0.1), ("conv_decoder", 0.5))
    ]
    answer = question("T3").answer(table("recognition", rows))
    names = map(readable, RECOGNISERS.names())
    assert answer.frame["recogniser"].value_counts().to_dict() == dict.fromkeys(names, 2)


def test_one_shard_is_that_of_the_usual_plan_and_policy_and_the_note_says_so() -> None:
    row = {"coalition": 1, "coalition_choice": "largest", "defence": "none", "training": ""}
    row |= {"attack": "telea", "attack_kind": "inpainting", "payload": "float32"}
    rows = [
        {**row, "plan": plan, "policy": policy, "n_shards": shards, "hidden_psnr_mean": 12.0}
        for plan, policy, shards in product(
            ("globals_last", "interleaved"), ("contiguous", "random", "strided"), (4, 9)
        )
    ]
    answer = question("T2").answer(table("attacks", rows))
    assert len(answer.frame) == 1
    assert "Plan: interleaved. Policy: random. Shards: 4. Payload: float32." in answer.note


def test_defences_are_those_of_the_run_that_has_most_of_them() -> None:
    few, many = (
        source(name, "equal_utility", [defence(each) for each in defences])
        for name, defences in {"few": ["noise"], "many": ["noise", "blur"]}.items()
    )
    found = _answer(question("T5"), [few, many])
    assert found is not None
    assert found.source is many
    assert found.short.frame["defence"].tolist() == ["noise", "blur"]


def test_of_several_curves_the_one_in_stock_order_stands() -> None:
    last = [
        {**defence(name), "plan": "globals_last", "adapted": True} for name in ("noise", "blur")
    ]
    rows = [*last, defence("noise"), defence("blur")]
    answer = question("T5").answer(table("equal_utility", rows))
    assert answer.frame["plan"].tolist() == ["interleaved", "interleaved"]
    assert "Plan: interleaved. Shards: 4." in answer.note
    assert answer.columns[0].key == "defence"


def question(label: str):
    return next(each for each in QUESTIONS if each.label == label)


def table(name: str, rows: list[dict]) -> Table:
    columns = tuple(Column(key, key) for key in rows[0])
    return Table(name, "title", "note", pd.DataFrame(rows), columns, "source")


def source(name: str, of: str, rows: list[dict]) -> Source:
    return Source(Path(name), {of: table(of, rows)}, "On three photos.", (), SimpleNamespace())


def defence(name: str) -> dict:
    curve = {"plan": "interleaved", "policy": "random", "n_shards": 4, "adapted": False}
    curve |= {"coalition": 1}
    return {**curve, "coalition_choice": "largest", "region": "visible", "metric": "psnr"} | {
        "defence": name,
        "leakage_1": 20.0,
        "leakage_5": 20.0,
        "hypervolume": 0.5,
    }
