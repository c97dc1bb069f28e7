"""A survey: which pairs are asked, what the page tells, and what becomes of answers."""

from __future__ import annotations

import json

import pytest

from bench.cli import main
from bench.report.base import TABLES
from bench.report.data import RunData
from bench.survey import JUDGEMENTS, KEY
from bench.survey.judgements import COLUMNS, add_answers, read_judgements
from bench.survey.page import write_survey
from framework.errors import PedbenchError
from tests.bench.output_support import full_run, leak, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with pictures, and the page of its survey."""
    run = full_run(tmp_path_factory.mktemp("run"))
    write_survey(run.folder, 8, seed=0)
    return run.folder


def key(folder):
    return json.loads((folder / KEY).read_text())


def answers(folder, path, choose, person="a"):
    """A file of answers; ``choose`` gives the choice for a pair."""
    content = key(folder)
    given = [
        {"pair": number, "choice": choose(pair), "seconds": 1.5}
        for number, pair in enumerate(content["pairs"])
    ]
    path.write_text(json.dumps({"survey": content["survey"], "person": person, "answers": given}))
    return path


def by_score(pair):
    """The choice of someone who sees as PSNR does: later attacks of the run are closer."""
    order = ["mean_colour", "dataset_mean", "telea", "ridge", "conv_decoder"]
    left, right = (order.index(pair[side]) for side in ("left_attack", "right_attack"))
    return "left" if left > right else "right"


def table_of(folder):
    return TABLES.get("survey")().build(RunData.read(folder))


def test_pairs_are_of_one_photo_and_coalition_and_the_same_for_a_seed(folder):
    pairs = key(folder)["pairs"]
    assert len(pairs) == 8
    for pair in pairs:
        assert pair["left"].rpartition("/")[0] == pair["right"].rpartition("/")[0]
        assert pair["left"] != pair["right"]
        assert "centralized" not in (pair["left_attack"], pair["right_attack"])
    before = (folder / KEY).read_bytes()
    write_survey(folder, 8, seed=0)
    assert (folder / KEY).read_bytes() == before


def test_the_page_names_no_attack_and_asks_for_nothing_elsewhere(folder):
    page = write_survey(folder, 8, seed=0).read_text()
    assert not [name for name in ("telea", "ridge", "conv_decoder", "http") if name in page]


def test_a_score_that_agrees_with_people_is_told(folder, tmp_path, capsys):
    file = answers(folder, tmp_path / "answers.json", by_score)
    assert main(["survey", str(folder), "--answers", str(file)]) == 0
    assert "8 answers are in" in capsys.readouterr().out
    frame = table_of(folder).frame.set_index(["score", "region"])
    assert frame.loc[("PSNR", "hidden"), "agreement"] == 1
    assert frame.loc[("PSNR", "hidden"), "judgements"] == 8
    (folder / JUDGEMENTS).unlink()


def test_people_are_compared_among_themselves_and_ties_left_out(folder, tmp_path):
    add_answers(folder, [answers(folder, tmp_path / "a.json", by_score)])
    add_answers(folder, [answers(folder, tmp_path / "b.json", by_score, person="b")])
    frame = table_of(folder).frame.set_index("score")
    assert frame.loc["another person", "agreement"] == 1
    add_answers(folder, [answers(folder, tmp_path / "b.json", lambda _: "same", person="b")])
    assert "another person" not in set(table_of(folder).frame["score"])
    (folder / JUDGEMENTS).unlink()


def test_answers_given_twice_count_once(folder, tmp_path):
    file = answers(folder, tmp_path / "answers.json", by_score)
    add_answers(folder, [file])
    add_answers(folder, [file, file])
    assert len(read_judgements(folder)) == 8
    (folder / JUDGEMENTS).unlink()


def test_a_report_kept_before_is_not_taken_for_one_with_judgements(folder, tmp_path):
    before = RunData.read(folder).digest
    add_answers(folder, [answers(folder, tmp_path / "answers.json", by_score)])
    assert RunData.read(folder).digest != before
    asked = key(folder)
    write_survey(folder, 8, seed=0)
    assert key(folder) == asked
    (folder / JUDGEMENTS).unlink()
    assert RunData.read(folder).digest == before


def test_a_report_says_that_nobody_has_judged(folder):
    table = table_of(folder)
    assert table.frame.empty
    assert "No person has judged" in table.empty


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"survey": "other"}, "answers survey other"),
        ({"answers": []}, "answers: [] should be non-empty"),
        ({"answers": [{"pair": 0, "choice": "up", "seconds": 1}]}, "'up' is not one of"),
        ({"answers": [{"pair": 99, "choice": "left", "seconds": 1}]}, "pair 99 of 8"),
        ({"answers": [{"pair": 0, "choice": "left", "seconds": float("nan")}]}, "NaN is no number"),
        ({"person": "a\nb"}, "is not a name in one line"),
        ({"person": "\ud800"}, "cannot be read"),
    ],
)
def test_a_file_that_is_not_the_pages_is_one_line(folder, tmp_path, capsys, change, text):
    file = answers(folder, tmp_path / "answers.json", by_score)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    assert main(["survey", str(folder), "--answers", str(file)]) == 2
    assert text in capsys.readouterr().err


def test_a_number_written_with_a_point_and_a_person_named_na_are_as_good(folder, tmp_path):
    file = answers(folder, tmp_path / "answers.json", by_score, person="NA")
    content = json.loads(file.read_text())
    for each in content["answers"]:
        each |= {"pair": float(each["pair"]), "survey": "other"}
    file.write_text(json.dumps(content))
    for _ in range(2):
        assert add_answers(folder, [file, file]) == 8
    table = read_judgements(folder)
    assert list(table["person"]) == ["NA"] * 8
    assert set(table["survey"]) == {key(folder)["survey"]}
    (folder / JUDGEMENTS).unlink()


@pytest.mark.parametrize(
    "content",
    ["", "\x00", "a,b\n1,2\n", "HEAD\ns,p,0,i,l,r,a,b,up,1\n", "HEAD\ns,p,x,i,l,r,a,b,left,1\n"],
)
def test_damaged_judgements_are_one_line(folder, tmp_path, content):
    path = folder / JUDGEMENTS
    path.write_text(content.replace("HEAD", ",".join(COLUMNS)))
    with pytest.raises(PedbenchError, match="delete it and add the answers again"):
        read_judgements(folder)
    path.unlink()


def test_judgements_of_another_encoding_do_not_end_a_report(folder):
    path = folder / JUDGEMENTS
    path.write_bytes(b"\xff\xfe")
    assert RunData.read(folder).digest
    path.unlink()


@pytest.mark.parametrize("content", ["{}", "[]", '{"survey": "x", "pairs": [1]}'])
def test_a_damaged_key_is_one_line(folder, tmp_path, content):
    file = answers(folder, tmp_path / "answers.json", by_score)
    before = (folder / KEY).read_text()
    (folder / KEY).write_text(content)
    with pytest.raises(PedbenchError, match=KEY):
        add_answers(folder, [file])
    (folder / KEY).write_text(before)


def test_a_page_that_cannot_be_made_leaves_the_one_before(tmp_path):
    folder = full_run(tmp_path / "run").folder
    write_survey(folder, 8, seed=0)
    before = (folder / KEY).read_bytes()
    picture = folder / key(folder)["pairs"][0]["left"]
    picture.write_bytes(picture.read_bytes()[:60])
    with pytest.raises(PedbenchError, match="is missing or damaged"):
        write_survey(folder, 500, seed=1)
    assert (folder / KEY).read_bytes() == before


def test_the_key_of_another_survey_is_not_lost(tmp_path):
    folder = full_run(tmp_path / "run").folder
    write_survey(folder, 8, seed=0)
    before = (folder / KEY).read_bytes()
    write_survey(folder, 8, seed=0)
    with pytest.raises(PedbenchError, match="is the key of another survey"):
        write_survey(folder, 8, seed=1)
    assert (folder / KEY).read_bytes() == before


def test_a_run_without_pictures_is_refused(tmp_path):
    run = write_run(tmp_path / "run", leak("a", "telea", "psnr", 12.0))
    with pytest.raises(PedbenchError, match="kept no two reconstructions of one photo"):
        write_survey(run.folder, 8, seed=0)
    with pytest.raises(PedbenchError, match=r"holds no survey.json"):
        add_answers(run.folder, [tmp_path / "answers.json"])
