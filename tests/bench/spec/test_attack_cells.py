"""Attackers, time and recognition in a run's cells; names of cells stay what they were."""

import hashlib
import json
from dataclasses import asdict, replace

import pytest

from attacks.base import ATTACKS
from attacks.threat_models.base import ThreatModel
from bench.spec.cells import AttackCell, Pipeline
from bench.spec.config import load_preset
from framework.errors import PedbenchError

HEAD = "model: tiny\ndata: embedded\npublic: []\nseeds: [0, 1]\n"


def cells(tmp_path, group):
    path = tmp_path / "mine.yaml"
    path.write_text(f"{HEAD}groups:\n  - {group}\n")
    config = load_preset(str(path))
    config.check()
    return [cell for cell in config.cells() if isinstance(cell, AttackCell)]


def test_cells_of_the_usual_attacker_keep_their_names():
    facts = {
        "pipeline": asdict(Pipeline()),
        "coalition": 1,
        "choice": "largest",
        "attack": "ridge",
        "seed": 0,
        "adaptive": True,
        "stage": None,
    }
    before = hashlib.sha256(json.dumps(["Watch", facts], sort_keys=True).encode()).hexdigest()
    usual = AttackCell(Pipeline(), ThreatModel(), "ridge")
    assert usual.id == before[:16]
    others = [
        replace(usual, threat=ThreatModel(frames=2)),
        replace(usual, threat=ThreatModel(positions_known=False)),
        replace(usual, recognise="faces"),
    ]
    assert len({cell.id for cell in (usual, *others)}) == 4


def test_a_group_without_threats_is_as_before(tmp_path):
    found = cells(tmp_path, "{coalitions: {4: [1]}, attacks: [ridge, conv_decoder]}")
    assert {cell.attack for cell in found} == {"exposure", "ridge", "conv_decoder"}
    assert {(replace(c.threat, coalition=1), c.variant) for c in found} == {(ThreatModel(), "")}
    assert [c.seed for c in found if c.attack == "conv_decoder"] == [0, 1]
    assert [c.seed for c in found if c.attack == "ridge"] == [0]  # nothing in it is random


def test_named_threats_and_what_the_group_says(tmp_path):
    found = cells(
        tmp_path,
        "{coalitions: {4: [1]}, attacks: [ridge], threats: [hidden_both, averaging], "
        "frames: [1, 3], motions: [static, pan]}",
    )
    hidden = {(c.threat.frames, c.motion) for c in found if not c.threat.positions_known}
    assert hidden == {(n, motion) for n in (1, 3) for motion in ("static", "pan")}
    assert all(not c.threat.weights_known for c in found if not c.threat.positions_known)
    averaging = [c for c in found if c.threat.positions_known]
    assert {c.threat.choice for c in averaging} == {"seeded"}
    assert {(c.threat.frames, c.threat.averages) for c in averaging} == {(1, False), (3, True)}
    assert {c.threat.frames for c in found} == {1, 3}


def test_recognisers_judge_what_is_seen_the_original_and_chosen_attacks(tmp_path):
    found = cells(
        tmp_path,
        "{coalitions: {4: [1]}, attacks: [mean_colour, ridge, ceiling], recognise: [people]}",
    )
    judged = {(c.attack, c.seed) for c in found if c.recognise == "people"}
    assert judged == {("seen", 0), ("original", 0), ("ridge", 0)}
    assert {c.attack for c in found if not c.recognise} == {
        "exposure", "mean_colour", "ridge", "ceiling",
    }  # fmt: skip
    every = cells(tmp_path, "{coalitions: {4: [1]}, attacks: [telea], recognise: true}")
    assert {c.recognise for c in every} >= {"", "faces", "identity", "text", "sam_objects"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("threats: [hidden_position]", "did you mean 'hidden_positions'"),
        ("recognise: [face]", "did you mean 'faces'"),
        ("recognise_on: [ridge]", "add it to the group's attacks"),
        ("motions: [pann]", "did you mean 'pan'"),
        ("frames: [0]", "at least 1"),
    ],
)
def test_unknown_names_are_refused(tmp_path, line, reason):
    with pytest.raises(PedbenchError, match=reason):
        cells(tmp_path, f"{{{line}}}")


def test_config_survives_yaml(tmp_path):
    config = load_preset("attacks")
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    again = load_preset(str(path))
    assert [cell.id for cell in again.cells()] == [cell.id for cell in config.cells()]
    assert again.outside == config.outside


def test_the_attacks_preset_covers_what_its_issue_asks_for():
    watches = [cell for cell in load_preset("attacks").cells() if isinstance(cell, AttackCell)]
    assert {c.pipeline.n_shards for c in watches} == {1, 4, 9, 25}
    assert {c.threat.stage for c in watches} > {0, 2, 4, 6}
    assert {c.seed for c in watches} == {0, 1, 2}
    assert {c.recognise for c in watches} > {"faces", "identity", "people", "text", "objects"}
    assert {c.motion for c in watches} == {"static", "object", "pan"}
    assert any(c.threat.averages for c in watches)
    assert any(c.pipeline.defence == "noise_only" for c in watches)
    assert any(not c.threat.positions_known for c in watches)


def test_every_attack_of_the_suite_runs_with_its_swapped_twin():
    cells_of_suite = load_preset("attacks").cells()
    tried = {cell.attack for cell in cells_of_suite if isinstance(cell, AttackCell)}
    twins = {name for name in ATTACKS.names() if name.endswith("_swapped")}
    assert len(twins) > 5
    assert not [name for name in tried if f"{name}_swapped" in twins - tried]
