"""What is recognised through a defence stands beside what the defence costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.report.base import FIGURES, TABLES
from bench.report.data import RunData
from bench.report.render.style import LIGHT
from bench.report.topics.utility.defended_recognition import by_attack, defended_scores
from bench.runner.run import run
from bench.spec.config import RunConfig
from bench.spec.grid import Group
from tests.bench.recognition_support import Brightness, registered

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recognised")
    setting = {"plan": ["prefix"], "policy": ["random"], "n_shards": [2]}
    rest = {
        "segmentation": True,
        "coalitions": {2: [2]},
        "attacks": ["mean_colour", "ridge"],
        "recognise": ["brightness"],
        "recognise_on": ["ridge"],
    }
    groups = (
        Group(setting, **rest),
        Group(setting | {"defence": ["gaussian"], "strength": [0.5, 4.0]}, **rest),
    )
    config = RunConfig(
        "small", "toy", "synthetic:1", ("synthetic:3@7",), (0,), groups, checkpoint="random"
    )
    with registered(Brightness):
        run(config, folder, device="cpu", workers=1)
        yield RunData.read(folder)


def test_each_strength_has_a_row_with_its_segmentation(finished):
    scores = defended_scores(finished)
    assert set(scores["picture"]) == {"ridge"}
    rows = scores[scores["metric"] == scores["metric"].iloc[0]].sort_values("strength")
    assert rows["strength"].to_list() == [0.0, 0.5, 4.0]
    for _, row in rows.iterrows():
        of = finished.segmentation
        of = of[(of["defence"] == row["defence"]) & (of["strength"] == row["strength"])]
        mean = np.average(of["miou_box"], weights=of["instances"])
        assert row["miou_box"] == pytest.approx(mean)
    assert rows["mean"].between(0, 1).all()
    assert rows["ceiling"].nunique() == 1


def test_the_table_and_the_figure_show_it(finished):
    frame = TABLES.get("defended_recognition")().build(finished).frame
    assert list(frame["protection"].unique()) == ["none", "gaussian 0.5", "gaussian 4"]
    figure = FIGURES.get("defended_recognition")().draw(finished, LIGHT)
    curve = next(line for line in figure.axes[0].lines if line.get_label() == "noise")
    scores = defended_scores(finished)
    shown = scores[scores["metric"] == figure.axes[0].get_xlabel().split("  ")[0].replace(" ", "_")]
    expected = shown.sort_values("strength")["miou_box"].to_numpy()
    assert np.allclose(curve.get_ydata(), expected)


def test_a_run_without_defences_has_neither(finished):
    records = finished.records[finished.records["defence"] == "none"]
    plain = RunData(finished.folder, records, finished.config, finished.environment)
    assert TABLES.get("defended_recognition")().build(plain).frame.empty
    assert FIGURES.get("defended_recognition")().draw(plain, LIGHT) is None


def test_a_defence_that_is_undone_is_judged_by_what_undoes_it():
    pairs = [
        ("gaussian", "ridge"),
        ("gaussian", "conv_decoder"),
        ("shuffle_tokens", "ridge"),
        ("shuffle_tokens", "ridge_unshuffled"),
        ("shuffle_tokens", "conv_decoder_unshuffled"),
    ]
    kept = by_attack(pd.DataFrame(pairs, columns=["defence", "picture"]), "ridge")
    assert kept.to_numpy().tolist() == [list(pairs[0]), list(pairs[3])]
