"""Access to the model and number of photos, from a preset to records and figure."""

import shutil
from dataclasses import replace
from itertools import pairwise

import pytest

from bench.attackers.ownership import own_photos, strangers_photos
from bench.datasets import open_dataset
from bench.report.base import FIGURES, TABLES
from bench.report.data import RunData
from bench.report.render.style import LIGHT, styled
from bench.report.topics.attackers.knowledge import photo_scores
from bench.runner.evaluation.pipelines import Unsupported
from bench.runner.models import Models
from bench.runner.run import run
from bench.spec.cells import AttackCell
from bench.spec.config import load_preset
from framework.errors import PedbenchError
from tests.attacks import toy  # noqa: F401  (registers the architecture)

PRESET = """
model: tiny
checkpoint: random
data: synthetic:1
public: ["synthetic:4@1"]
seeds: [0]
groups:
  - policy: random
    coalitions: {4: [1]}
    attacks: [mean_colour, ridge, ridge_prior, substitute_ridge]
    threats: [standard, black_box, query_free]
    public_photos: [1, 2, 3]
"""


@pytest.fixture(scope="module")
def sets():
    return [open_dataset("synthetic:5@1"), open_dataset("synthetic:6@2")]


def names(photos):
    return {(dataset.name, image_id) for dataset, image_id in photos}


@pytest.mark.parametrize("can_query", [True, False])
def test_fewer_photos_are_among_more(sets, can_query):
    most = 11 if can_query else 6
    found = [names(own_photos(sets, n, can_query)) for n in range(1, most + 1)]
    assert [len(photos) for photos in found] == list(range(1, most + 1))
    assert all(fewer < more for fewer, more in pairwise(found))
    assert names(own_photos(sets, None, can_query)) == found[-1]
    with pytest.raises(Unsupported, match=f"{most + 1} public photos asked for"):
        own_photos(sets, most + 1, can_query)


def test_strangers_own_what_the_attacker_does_not(sets):
    own, others = names(own_photos(sets, None, False)), names(strangers_photos(sets))
    assert not own & others
    assert len(own | others) == 11
    assert names(own_photos(sets, 3, True)) == names(own_photos(sets, 3, False))


@pytest.mark.parametrize(
    ("count", "words"), [("0", "at least 1"), ("two", "whole number"), ("-1", "at least 1")]
)
def test_numbers_of_photos_are_checked(tmp_path, count, words):
    path = tmp_path / "mine.yaml"
    path.write_text(PRESET.replace("[1, 2, 3]", f"[{count}]"))
    with pytest.raises(PedbenchError, match=words):
        load_preset(str(path)).check()


def test_a_missing_substitute_is_told():
    found = Models("toy", "random")
    assert found.substitute() is None
    assert "no public model can stand in" in found.no_substitute()
    assert "for 'toy_globals_last'" in found.no_substitute(adapted=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "mine.yaml").write_text(PRESET)
    config = load_preset(str(folder / "mine.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDBENCH_CACHE", str(folder / "cache"))
        run(config, folder / "out", device="cpu", workers=1)
    return RunData.read(folder / "out"), config


@pytest.mark.slow
def test_cells_differ_by_access_and_photos(finished):
    cells = [cell for cell in finished[1].cells() if isinstance(cell, AttackCell)]
    ridge = [cell for cell in cells if cell.attack == "ridge"]
    assert len(ridge) == 9
    assert len({cell.variant for cell in ridge}) == 9


@pytest.mark.slow
def test_records_say_who_knew_what(finished):
    records = finished[0].records
    assert not (records["status"] == "failed").any()
    assert set(records["public_photos"]) == {"1", "2", "3"}
    rows = records[records["metric"].isin(["psnr", ""])]
    rows = rows[rows["attack"].isin(["ridge", "ridge_prior", "substitute_ridge"])]
    status = rows.groupby(["attack", "weights_known", "can_query", "public_photos"])[
        "status"
    ].first()
    for count in ("1", "2", "3"):
        assert status["ridge", True, True, count] == "ok"
        assert status["ridge", False, True, count] == "ok"
        assert status["ridge", False, False, count] == "unsupported"
        assert status["substitute_ridge", False, True, count] == "unsupported"
    assert status["substitute_ridge", False, False, "2"] == "ok"
    assert status["ridge_prior", False, False, "2"] == "ok"
    assert status["substitute_ridge", False, False, "3"] == "unsupported"
    assert finished[0].environment["substitutes"]["own"].startswith("shipped:")


@pytest.mark.slow
def test_a_run_that_goes_on_without_them_still_names_the_substitutes(finished, tmp_path):
    data, config = finished
    again = tmp_path / "run"
    shutil.copytree(data.folder, again)
    known = replace(config, groups=tuple(replace(g, threats=("standard",)) for g in config.groups))
    run(known, again, device="cpu", workers=1)
    assert RunData.read(again).environment["substitutes"] == data.environment["substitutes"]


@pytest.mark.slow
def test_the_usual_tables_leave_such_attackers_out(finished):
    assert finished[0].scores.empty


@pytest.mark.slow
def test_table_and_figure_tell_them_apart(finished):
    frame = TABLES.get("threats")().build(finished[0]).frame
    black = frame[(frame["attack"] == "ridge") & ~frame["weights_known"].astype(bool)]
    assert list(black["public_photos"]) == ["1", "2", "3"]
    scores = photo_scores(finished[0])
    assert {"white box", "black box", "query-free"} == set(scores["access"])
    with styled(LIGHT):
        assert FIGURES.get("photos")().draw(finished[0], LIGHT) is not None
