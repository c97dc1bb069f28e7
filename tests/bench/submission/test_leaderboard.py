"""The leaderboard: who is ranked, by what, and who is not."""

from __future__ import annotations

import json
import re

import pytest

from bench.cli import main
from bench.submission.admission import refusals, weakness
from bench.submission.board import boards
from bench.submission.entry import entry_of, read_entries
from bench.submission.page import render
from framework.errors import PedbenchError
from tests.bench.output_support import leak
from tests.bench.submission.submission_support import scores, submission

IMAGES = 20


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """An undefended run, a defence, an attack that beats it, and a reproduction."""
    home = tmp_path_factory.mktemp("submissions")
    noise = {"defence": "gaussian", "strength": 0.5}
    noisy = scores(images=IMAGES, better=-2, **noise)
    plain = scores(images=IMAGES)
    made = {
        "plain": (plain, {"kind": "evaluation"}),
        "noise": (plain + noisy, {"kind": "defence"}),
        "stronger": (
            scores(images=IMAGES, better=-1, **noise),
            {"kind": "evaluation", "challenges": "noise"},
        ),
        "again": (noisy, {"kind": "evaluation", "reproduces": "noise"}),
    }
    return [
        entry_of(submission(home / name, records, name=name, **card))
        for name, (records, card) in made.items()
    ]


def hidden(entries):
    (board,) = boards(entries)
    return board.tables[0].frame


def test_less_leakage_ranks_first_and_others_evaluations_have_no_row(entries):
    table = hidden(entries)
    assert list(table["submission"]) == ["noise", "noise", "plain"]
    assert list(table["defence"]) == ["gaussian 0.5", "none", "none"]
    assert list(table["rank"]) == [1, 2, 2]


def test_an_external_evaluation_that_leaks_more_sets_the_worst_known(entries):
    row = hidden(entries).iloc[0]
    assert row["value"] == pytest.approx(row["reported"] + 1)
    assert re.fullmatch(r"[\d.]+ dB \(stronger, leaks more\)", row["external"])
    alone = hidden(entries[:2]).iloc[0]
    assert alone["value"] == alone["reported"]
    assert alone["external"] == "none"


def test_who_faced_fewer_attacks_is_ranked_apart(entries):
    few = {**entries[0], "submission": {**entries[0]["submission"], "name": "few"}}
    few["scores"] = [
        {**score, "attacks": ["telea"], "value": score["value"] - 5} for score in few["scores"]
    ]
    table = hidden([entries[0], few])
    assert list(table["submission"]) == ["plain", "few"]
    assert list(table["faced"]) == [2, 1]
    assert list(table["rank"]) == [1, 1]


def test_what_others_measured_again_stands_beside_the_report(entries):
    row = hidden(entries).iloc[0]
    assert row["reproduced"] == f"{row['reported']:.2f} dB (again)"
    sampled = [{**entries[1], "verified": {"cells": 20, "disagreeing": 0}}]
    assert hidden(sampled).iloc[0]["reproduced"] == "20 cells recomputed, agree"


def test_seeds_are_counted_of_the_strongest_attack_where_it_is_random(tmp_path):
    for attack, seeds in (("conv_decoder", 1), ("telea", None)):
        records = scores() + leak("photo 0", attack, "psnr", 40.0, region="hidden", seed=0)
        [entry] = read_entries(submission(tmp_path / attack, records))
        found = [s for s in entry["scores"] if (s["metric"], s["region"]) == ("psnr", "hidden")]
        assert [(s["attack"], s.get("seeds")) for s in found] == [(attack, seeds)]


def test_the_worst_case_is_over_attacks_with_its_gain_over_floors(entries):
    score = next(s for s in entries[0]["scores"] if s["metric"] == "psnr")
    assert (score["attack"], score["floors"]) == ("ridge", 1)
    assert score["attacks"] == ["ridge", "telea"]
    assert score["gain"] == pytest.approx(4)
    assert score["kept"] == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"seeds": [0, 1]}, "no attacker seed 2"),
        ({"public": {"coco:x": "f00d"}}, "attackers learn from the scored data coco:x"),
        ({"commit": "c0ffee+"}, "the code had changes that no commit holds"),
        ({"commit": "unknown"}, "the commit is unknown"),
        ({"weights": "random:feed"}, "the weights are random"),
    ],
)
def test_a_run_that_breaks_a_rule_is_not_admitted(entries, changes, text):
    entry = {**entries[0], "run": entries[0]["run"] | changes}
    assert refusals(entry) == [text]
    assert boards([entry]) == []
    assert text in render([entry])


def test_records_that_did_not_hold_are_not_admitted(entries):
    entry = {**entries[0], "verified": {"cells": 20, "disagreeing": 1}}
    assert refusals(entry) == ["1 cell disagreed when computed again"]
    assert refusals({**entry, "verified": {"cells": 20, "disagreeing": 0}}) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"images": 9}, "9 photos"),
        ({"attack": "conv_decoder", "seeds": 1}, "1 seed of conv_decoder"),
        ({"kinds": ["inversion"]}, "no inpainter"),
        ({"region": "visible", "trained": 0}, "no trained inversion"),
        ({"kept": None}, "mIoU not measured"),
        ({"kept": 0.9}, "keeps 90% of mIoU"),
        ({}, ""),
    ],
)
def test_a_score_that_breaks_a_rule_has_no_rank(entries, changes, text):
    score = next(s for s in entries[0]["scores"] if s["region"] == "hidden")
    assert weakness(score | changes) == text


def test_scores_of_attackers_not_trained_through_the_defence_do_not_count(tmp_path):
    records = scores(defence="gaussian", strength=0.5, adaptive=False)
    for record in records:
        if record["attack"] == "":
            record["adaptive"] = None
    assert entry_of(submission(tmp_path / "run", records))["scores"] == []


def test_the_same_entries_give_the_same_files(entries, tmp_path, capsys):
    for name in ("first", "second"):
        source = tmp_path / "entries" if name == "first" else tmp_path / "first" / "entries"
        if name == "first":
            source.mkdir()
            for entry in reversed(entries):
                file = source / f"{entry['submission']['title']}{len(list(source.iterdir()))}.json"
                file.write_text(json.dumps(entry))
        assert main(["leaderboard", str(source), "--out", str(tmp_path / name)]) == 0
    files = [path for path in (tmp_path / "first").rglob("*") if path.is_file()]
    assert len(files) == 5
    for file in files:
        again = tmp_path / "second" / file.relative_to(tmp_path / "first")
        assert again.read_bytes() == file.read_bytes()


def test_entries_that_do_not_fit_together_are_one_line(entries, tmp_path):
    with pytest.raises(PedbenchError, match="two entries are named 'plain'"):
        boards([entries[0], entries[0]])
    with pytest.raises(PedbenchError, match="'again' is about 'noise', which is not here"):
        boards([entries[3]])
    with pytest.raises(PedbenchError, match="holds neither records"):
        read_entries(tmp_path)
    (tmp_path / "bad.json").write_text(json.dumps({**entries[0], "run": {}}))
    with pytest.raises(PedbenchError, match=r"bad.json: run: 'weights' is a required property"):
        read_entries(tmp_path)


def test_an_entry_about_one_that_is_about_another_is_refused_not_left_out(entries):
    chained = {**entries[2], "submission": {**entries[2]["submission"], "challenges": "again"}}
    with pytest.raises(PedbenchError, match="'stronger' is about 'again', which is about 'noise'"):
        boards([*entries[:2], chained, entries[3]])
    own = {**entries[0], "submission": {**entries[0]["submission"], "challenges": "plain"}}
    with pytest.raises(PedbenchError, match="'plain' is about 'plain'"):
        boards([own])


@pytest.mark.parametrize(
    "setting",
    [{"strength": "x"}, {"strength": None}, {"defence": ["a"]}, {"plan": 5}, {"n_shards": "4"}],
)
def test_a_setting_of_another_type_is_one_line(entries, tmp_path, setting):
    score = entries[0]["scores"][0]
    spoilt = {**score, "setting": score["setting"] | setting}
    (tmp_path / "bad.json").write_text(json.dumps({**entries[0], "scores": [spoilt]}))
    with pytest.raises(PedbenchError, match=rf"scores\[0\].setting.{next(iter(setting))}: "):
        read_entries(tmp_path)


def test_a_damaged_verification_is_one_line(tmp_path):
    folder = submission(tmp_path / "run")
    (folder / "verified.json").write_text('{"cells": 3}')
    with pytest.raises(PedbenchError, match=r"verified.json: 'disagreeing' is a required"):
        read_entries(folder)


def test_a_submission_that_is_not_valid_is_named_with_its_first_fault(tmp_path):
    folder = submission(tmp_path / "run", date="soon")
    with pytest.raises(PedbenchError, match=r"is no valid submission: card.json: date: 'soon'"):
        read_entries(folder)
