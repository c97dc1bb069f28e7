"""A setting is declared once: ids, columns, defaults, comparison and training derive from it."""

import dataclasses
import hashlib
import json
import subprocess
import sys

import pytest

from attacks.base import ATTACKS
from attacks.threat_models.base import ThreatModel
from bench.attackers.training_setting import training_setting
from bench.runner.folder.records import COLUMNS, DEFAULTS, SETTINGS
from bench.spec.cells import AttackCell, Pipeline, SegmentationCell, cell_of, plain
from bench.spec.config import load_preset
from framework.declaration import declared, setting

IDS = {
    "quick": (401, "4485ffae6cca34fc"),
    "standard": (820, "68890a32c73609c3"),
    "attacks": (2385, "37d6384b6bdc3b22"),
    "segmentation": (22, "e80ae3bd1f0fb30f"),
}
"""Cells of a preset, and the start of the SHA-256 of their ids, one a line, in order."""

CELL = AttackCell(
    Pipeline(defence="gaussian", strength=0.5, policy="random", n_shards=9),
    ThreatModel(coalition=2, choice="seeded", averages=True, frames=4, public_photos=3, stage=2),
    "ridge",
    seed=1,
)


@pytest.mark.parametrize("name", IDS)
def test_cells_of_shipped_presets_keep_their_ids(name):
    ids = [cell.id for cell in load_preset(name).cells()]
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
    assert (len(ids), digest) == IDS[name]


def test_columns_keep_their_order_and_types():
    assert list(COLUMNS)[:8] == [
        *("image_id", "model", "plan", "payload", "policy", "n_shards", "coalition"),
        "coalition_choice",
    ]
    assert list(COLUMNS)[-3:] == ["public_photos", "public_data", "plugins"]
    assert len(COLUMNS) == 34
    kinds = {
        name: COLUMNS[name] for name in ("stage", "frames", "strength", "averaged", "positions")
    }
    assert list(kinds.values()) == ["string", "Int64", "Float64", "boolean", "string"]


def test_older_records_lack_what_was_added_later():
    assert DEFAULTS == {
        "adapted": False,
        "from_store": False,
        "plugins": "",
        "frames": 1,
        "motion": "static",
        "averaged": False,
        "positions": "known",
        "weights_known": True,
        "can_query": True,
        "public_photos": "all",
        "public_data": "in-domain",
    }


def test_every_setting_with_a_column_is_compared_but_the_seed():
    columns = {each.column for each in declared(AttackCell)} - {None}
    assert set(SETTINGS) == columns - {"seed"}


@pytest.mark.parametrize("cell", [CELL, SegmentationCell(Pipeline(adapted=True))])
def test_a_cell_survives_json(cell):
    assert cell_of(json.loads(json.dumps(plain(cell)))) == cell


def test_cells_of_unknown_kinds_or_settings_are_none():
    kind, settings = plain(CELL)
    assert cell_of([kind, settings | {"telepathy": True}]) is None
    assert cell_of([kind, settings | {"pipeline": {"lane": 1}}]) is None
    assert cell_of([kind, settings | {"frames": 0}]) is None
    assert cell_of(["Listen", settings]) is None


def test_an_attacker_is_fitted_to_what_its_fitting_depends_on():
    made = training_setting(CELL, ATTACKS.get("ridge"))
    assert made.pipeline == Pipeline(defence="gaussian", strength=0.5)
    assert made.threat == ThreatModel(averages=True, frames=4, public_photos=3, stage=2)
    simple = training_setting(CELL, ATTACKS.get("mean_colour"))
    assert (simple.pipeline, simple.threat) == (Pipeline(), ThreatModel(public_photos=3))


def test_who_does_not_adapt_trains_as_if_nothing_were_defended():
    unaware = dataclasses.replace(CELL, threat=dataclasses.replace(CELL.threat, adaptive=False))
    undefended = dataclasses.replace(CELL, pipeline=Pipeline(n_shards=25))
    ridge = ATTACKS.get("ridge")
    made = training_setting(unaware, ridge)
    assert made == training_setting(undefended, ridge)
    assert made.threat == ThreatModel(public_photos=3, stage=2)


def test_one_attacker_serves_all_plans_whose_first_round_is_the_same():
    def setting(plan, attack="ridge", stage=None):
        cell = dataclasses.replace(
            CELL, pipeline=Pipeline(plan=plan), threat=ThreatModel(stage=stage)
        )
        return training_setting(cell, ATTACKS.get(attack))

    assert setting("prefix") == setting("interleaved")
    assert setting("globals_last") != setting("interleaved")
    assert setting("prefix", stage=2) != setting("interleaved", stage=2)
    every_round = "whole_image_decoder"
    assert setting("prefix", every_round) != setting("interleaved", every_round)


def test_a_setting_needs_no_more_than_a_field():
    @dataclasses.dataclass(frozen=True)
    class Room:
        width: int = 3
        height: float | None = setting(None, words={None: "open"})
        note: str = dataclasses.field(default="", compare=False)

    width, height = declared(Room)
    assert (width.column, width.column_type, width.written(3), width.label(Room(4))) == (
        *("width", "Int64", 3, "width4"),
    )
    assert (height.column_type, height.written(None), height.written(2.5)) == (
        *("string", "open", "2.5"),
    )


TOY = """
import dataclasses, json, sys
from attacks.threat_models import base

@dataclasses.dataclass(frozen=True)
class Toy(base.ThreatModel):
    antennas: int = 1  # the one place

base.ThreatModel = Toy

from attacks.base import ATTACKS
from bench.attackers.training_setting import training_setting
from bench.report.comparison import SETTINGS
from bench.runner.evaluation.record_fields import cell_fields
from bench.runner.folder.records import COLUMNS, DEFAULTS, to_frame
from bench.spec.cells import AttackCell, Pipeline

usual, toy = (AttackCell(Pipeline(), Toy(antennas=n), "ridge") for n in (1, 3))
records = [cell_fields(toy), {"image_id": "of an older run"}]
print(json.dumps({
    "column": list(COLUMNS)[-1],
    "type": COLUMNS["antennas"],
    "default": DEFAULTS["antennas"],
    "records": to_frame(records)["antennas"].tolist(),
    "ids": [usual.id, toy.id],
    "compared": "antennas" in SETTINGS,
    "fitted": [
        training_setting(cell, ATTACKS.get("ridge")).fields["antennas"] for cell in (usual, toy)
    ],
    "folder": toy.variant,
}))
"""


@pytest.fixture(scope="module")
def toy():
    """What a process says in which the threat model has one field more."""
    made = subprocess.run([sys.executable, "-c", TOY], capture_output=True, text=True, check=True)
    return json.loads(made.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_new_field_of_a_threat_model_has_its_column_and_its_default(toy):
    assert (toy["column"], toy["type"], toy["default"]) == ("antennas", "Int64", 1)
    assert toy["records"] == [3, 1]


@pytest.mark.slow
def test_a_new_field_of_a_threat_model_names_cells_only_where_it_is_unusual(toy):
    usual = AttackCell(Pipeline(), ThreatModel(), "ridge")
    assert toy["ids"][0] == usual.id != toy["ids"][1]
    assert toy["folder"] == "antennas3"


@pytest.mark.slow
def test_a_new_field_of_a_threat_model_is_compared_and_trained_for(toy):
    assert toy["compared"]
    assert toy["fitted"] == [1, 3]
