"""Presets, cells and their names."""

import dataclasses
from pathlib import Path

import pytest

from attacks.base import ATTACKS
from attacks.threat_models.base import ThreatModel
from bench.cli import main
from bench.cli.run import default_folder
from bench.latency.config import is_latency, load_latency
from bench.spec.cells import AttackCell, Pipeline, SegmentationCell
from bench.spec.config import load_preset, preset_names, read_config
from framework.errors import PedbenchError

LIGHT = {
    *("mean_colour", "dataset_mean", "nearest_public", "ceiling"),
    *("telea", "navier_stokes", "biharmonic", "push_pull"),
    *("pseudo_inverse", "ridge", "conv_decoder"),
}
"""Attacks that a first look runs: those that take no minutes to train or to run."""


@pytest.mark.parametrize("name", [name for name in preset_names() if not is_latency(name)])
def test_shipped_presets_name_known_parts_only(name):
    config = load_preset(name)
    config.check()
    assert config.cells()


def test_quick_covers_what_its_issue_asks_for():
    cells = load_preset("quick").cells()
    watches = [cell for cell in cells if isinstance(cell, AttackCell)]
    plain = [w for w in watches if w.pipeline.defence == "none"]
    assert {w.pipeline.policy for w in plain} >= {"contiguous", "strided", "random"}
    sizes = {(w.pipeline.n_shards, w.threat.coalition) for w in plain}
    assert sizes >= {(4, 1), (4, 2), (4, 4), (25, 1), (25, 5), (25, 13), (25, 25)}
    assert {w.attack for w in plain} >= LIGHT
    assert any(isinstance(cell, SegmentationCell) for cell in cells)


def test_cells_are_named_by_their_settings():
    cell = SegmentationCell(Pipeline())
    assert cell.id == SegmentationCell(Pipeline()).id
    assert cell.id != SegmentationCell(Pipeline(n_shards=9)).id
    assert cell.id != AttackCell(Pipeline(), ThreatModel(), "ridge").id


def test_a_value_given_twice_in_other_forms_is_measured_once(tmp_path):
    config = preset_of(
        tmp_path,
        "seeds: [0]\ngroups: [{defence: gaussian, strength: [1, 1.0, 2], segmentation: true}]",
    )
    assert len(config.cells()) == 2


def test_strengths_that_differ_have_folders_that_differ():
    slugs = {Pipeline(defence="gaussian", strength=x).slug for x in (0.1234567, 0.1234568, 0.5)}
    assert len(slugs) == 3
    assert Pipeline(defence="gaussian", strength=0.5).slug.endswith("gaussian0.5")


def test_a_preset_of_any_name_has_its_folder_below_results(tmp_path):
    config = dataclasses.replace(load_preset("quick"), preset="../../x")
    assert default_folder(config).parent == Path("results")


def test_no_cell_twice():
    cells = load_preset("quick").cells()
    assert len({cell.id for cell in cells}) == len(cells)


EVERY_FLAG = {
    "limit": 3,
    "only": {"policy": ["random"], "n_shards": ["4"]},
    "checkpoint": "random",
    "adapted_checkpoint": "random",
    "metrics": ("ms_ssim",),
    "images": "images",
    "annotations": "instances.json",
    "outside": ("synthetic:2",),
    "precision": "bfloat16",
    "save_images": True,
    "keep_reconstructions": True,
}


@pytest.mark.parametrize("field", [*EVERY_FLAG, "all at once"])
def test_what_flags_ask_for_survives_yaml(tmp_path, field):
    given = EVERY_FLAG if field not in EVERY_FLAG else {field: EVERY_FLAG[field]}
    config = dataclasses.replace(load_preset("quick"), **given)
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    again = read_config(path)
    assert {name: getattr(again, name) for name in given} == given
    assert [cell.id for cell in again.cells()] == [cell.id for cell in config.cells()]


def test_nonadaptive_only_for_learned_attacks_on_defended_pipelines():
    for cell in load_preset("quick").cells():
        if isinstance(cell, AttackCell) and not cell.threat.adaptive:
            assert cell.pipeline.defence != "none"
            assert ATTACKS.get(cell.attack).needs_training


def test_an_attack_without_randomness_is_asked_for_once(tmp_path):
    watches = cells_of(tmp_path, "attacks: [ridge, conv_decoder]")
    assert seeds_of(watches, "ridge") == [0]
    assert seeds_of(watches, "conv_decoder") == [0, 1, 2]


def test_a_group_may_take_fewer_seeds_and_leave_attacks_out(tmp_path):
    watches = cells_of(tmp_path, "attacks: [all], without: [optimise], seeds: 1")
    assert seeds_of(watches, "conv_decoder") == [0]
    names = {watch.attack for watch in watches}
    assert names == {"exposure", *ATTACKS.names()} - {"optimise"}


def cells_of(tmp_path, group):
    path = tmp_path / "mine.yaml"
    group = f"{{coalitions: {{4: [1]}}, {group}}}"
    path.write_text(f"model: tiny\ndata: embedded\npublic: []\nseeds: [0, 1, 2]\ngroups: [{group}]")
    return load_preset(str(path)).cells()


def seeds_of(watches, attack):
    return [watch.seed for watch in watches if watch.attack == attack]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("groups: [{plan: sideways}]", "unknown plan 'sideways'"),
        ("groups: [{payload: float8}]", "unknown payload 'float8'"),
        ("groups: [{policy: randon}]", "did you mean 'random'"),
        ("groups: [{attacks: [telee]}]", "did you mean 'telea'"),
        ("groups: [{without: [telee]}]", "did you mean 'telea'"),
        ("groups: [{seeds: 0}]", "seeds 0 of a group: give at least 1"),
        ("groups: [{shards: [4]}]", "mine.yaml: group 1: unknown key 'shards'.* 'n_shards'"),
        ("groups: [{strenght: 2}]", "mine.yaml: group 1: unknown key.* did you mean 'strength'"),
        ("groups: [{}, {grid: {polcy: random}}]", "group 2: unknown key.* did you mean 'policy'"),
        ("atacks: [ridge]\ngroups: [{}]", "mine.yaml: unknown key 'atacks'"),
        ("pictures: [{polcy: random}]\ngroups: [{}]", "did you mean 'policy'"),
        ("pictures: [{n_shards: many}]\ngroups: [{}]", "pictures: n_shards: 'many' is not a whole"),
        ("pictures: [{policy: [a]}]\ngroups: [{}]", "pictures: policy: .* is not a text"),
        (f"outside: {'[' * 3000}\ngroups: [{{}}]", "not a run configuration"),
        ("groups: [{strength: [abc]}]", "mine.yaml: group 1: strength: 'abc' is not a number"),
        ("groups: [{strength: .nan}]", "strength: nan is not a number"),
        ("groups: [{n_shards: [4.5]}]", "n_shards: 4.5 is not a whole number"),
        ("groups: [{n_shards: true}]", "n_shards: True is not a whole number"),
        ("groups: [{n_shards: [26]}]", "group 1: n_shards 26: tiny has 25 windows, give 1 to 25"),
        ("groups: [{n_shards: [26], coalitions: {4: [1]}}]", "n_shards of the group is 26"),
        ("groups: [{n_shards: [9], coalitions: {4: [1]}}]", "n_shards of the group is 9"),
        ("groups: [{n_shards: [-4]}]", "n_shards -4: .* give 1 to 25"),
        ("groups: [{n_shards: []}]", "leaves nothing to run"),
        ("groups: [{policy: one_per_shard}]", "needs 25 shards, not 4"),
        ("groups: [{stages: [99]}]", "stages 99: blocks of tiny are numbered 0 to 7"),
        ("groups: [{stages: [-1]}]", "stages -1"),
        ("groups: [{stages: first}]", "stages: .*'first'.* is not a list, each a whole number"),
        ("groups: [{coalitions: {4: [1]}, attacks: telea, stages: [8]}]", "numbered 0 to 7"),
        ("groups: [{n_shards: four}]", "n_shards: 'four' is not a whole number"),
        ("groups: [{coalitions: {4: [one]}}]", "coalitions"),
        ("groups: [{segmentation: maybe}]", "segmentation: 'maybe' is not true or false"),
        ("groups: [{seeds: two}]", "seeds: 'two' is not a whole number"),
        ("groups: [{adaptive: sometimes}]", "adaptive"),
        ("groups: [{frames: [1.5]}]", "frames"),
        ("groups: [{coalitions: [1, 2]}]", "coalitions: .* is not a mapping"),
        ("groups: [{coalitions: {4: 1}}]", "coalitions"),
        ("groups: [{coalitions: {5: [1]}}]", "n_shards of the group is 4"),
        ("groups: [{plan: prefix, plan: local}]", "gives 'plan' twice"),
        ("groups: [{grid: x}]", "mine.yaml: group 1: grid: 'x' is not a mapping"),
        ("groups: [{grid: [1]}]", "grid: .* is not a mapping"),
        ("groups: []", "leaves nothing to run"),
        ("groups: [{}]", "group 1: nothing is measured"),
        ("groups: [{coalitions: {4: []}}]", "nothing is measured"),
        ("groups: [{coalitions: {4: [1]}, attacks: telea, threats: []}]", "nothing is measured"),
        (
            "groups: [{coalitions: {4: [1]}, attacks: telea, adaptive: false}]",
            "a defence for adaptive: false",
        ),
        ("groups: [{segmentation: true, attacks: telea}]", "attacks without a coalition"),
        (
            "groups: [{coalitions: {4: [1]}, attacks: telea, without: telea}]",
            "left out of attacks: .all. alone",
        ),
        ("groups: [quick]", "group 1: 'quick' is not a mapping"),
        ("groups: quick", "'groups' is missing or not a list"),
        ("limit: none\ngroups: [{}]", "limit: 'none' is not a whole number"),
        ("limit: 0\ngroups: [{}]", "limit 0: give at least 1"),
        ("checkpoint: 5\ngroups: [{}]", "checkpoint: 5 is not a text"),
        ("groups: [{coalitions: {4: [1, 5]}}]", "give sizes from 1 to 4"),
        ("groups: [", "not a run configuration"),
        ("groups: [{defence: gaussian}]", "'gaussian' without a strength changes nothing"),
        ("groups: [{defence: gaussian, strength: [0, 1]}]", "without a strength changes"),
        ("groups: [{strength: 4}]", "strength 4 without a defence"),
        ("groups: [{policy: sensitive_local}]", "'sensitive_local' needs a mask"),
    ],
)
def test_bad_configurations_are_named_in_one_line(tmp_path, line, reason):
    with pytest.raises(PedbenchError, match=reason) as error:
        preset_of(tmp_path, f"seeds: [0]\n{line}").check()
    assert "\n" not in str(error.value)


def preset_of(tmp_path, lines):
    path = tmp_path / "mine.yaml"
    path.write_text(f"model: tiny\ndata: embedded\npublic: []\n{lines}\n")
    return load_preset(str(path))


def test_seeds_are_such_as_generators_take(tmp_path):
    group = "groups: [{segmentation: true}]"
    preset_of(tmp_path, f"seeds: {2**32 - 1}\n{group}").check()
    with pytest.raises(PedbenchError, match="give numbers up to 4294967295"):
        preset_of(tmp_path, f"seeds: {2**32}\n{group}").check()


@pytest.mark.parametrize("seeds", ["[]", "[-1]", "[0, 0]"])
def test_seeds_are_there_and_differ(tmp_path, seeds):
    with pytest.raises(PedbenchError, match="give at least one"):
        preset_of(tmp_path, f"seeds: {seeds}\ngroups: [{{}}]").check()


def test_one_value_stands_for_a_list_of_it(tmp_path):
    config = preset_of(tmp_path, "seeds: 3\noutside: embedded\ngroups: [{}]")
    assert config.seeds == (3,)
    assert config.outside == ("embedded",)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("shards: many", "shards: 'many' is not a whole number"),
        ("repeets: 3", "did you mean 'repeats'"),
        ("shards: 26", "at most 25 shards"),
    ],
)
def test_bad_latency_configurations_are_named_in_one_line(tmp_path, fields, reason):
    path = tmp_path / "mine.yaml"
    path.write_text(f"model: tiny\nlatency: {{{fields}}}\n")
    with pytest.raises(PedbenchError, match=reason):
        load_latency(str(path), {})


def test_the_command_names_file_and_group(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "model: tiny\ndata: embedded\nseeds: [0]\ngroups: [{segmentation: true}, {n_shards: 26}]\n"
    )
    assert main(["run", "--preset", str(path), "--out", str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f"{path}: group 2: n_shards 26" in lines[0]
    assert not (tmp_path / "out").exists()


def test_only_keeps_the_cells_with_these_settings():
    config = load_preset("quick")
    kept = dataclasses.replace(
        config, only={"policy": ["random"], "attack": ["ridge"], "coalition": ["1"]}
    )
    kept.check()
    cells = kept.cells()
    assert {cell.attack for cell in cells} == {"ridge"}
    assert {cell.threat.coalition for cell in cells} == {1}
    assert {cell.id for cell in cells} < {cell.id for cell in config.cells()}


def test_only_names_settings_and_values_that_there_are(capsys):
    for given, said in (
        (["polici=random"], "did you mean 'policy'"),
        (["policy=random,none_such"], "policy=none_such leaves nothing to run: as policy the run"),
        (["adapted=True"], "as adapted the run has false, true"),
        (["policy=random", "policy=strided"], "names policy twice"),
        (["policy=random", "--only", "polici=random"], "did you mean 'policy'"),
        (["plan=local", "--only", "attack=ridge"], "only plan=local attack=ridge leaves nothing"),
        (["policy"], "give SETTING=VALUE"),
    ):
        assert main(["run", "--only", *given]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--attacks", ""], "--attacks is empty: give a value"),
        (["--metrics="], "--metrics is empty"),
        (["--out", ""], "--out is empty"),
        (["--data", "", "--fresh"], "--data is empty"),
        (["--seeds", "99999999"], "give a whole number from 1 to 1000"),
        (["--save-images", "--no-pictures"], "--save-images and --no-pictures are both given"),
        (["--keep-reconstructions", "--no-pictures"], "leave one out"),
    ],
)
def test_flags_that_say_nothing_or_two_things_are_refused(capsys, given, said):
    assert main(["run", "--dry-run", *given]) == 2
    assert said in capsys.readouterr().err


def test_a_latency_folder_is_no_place_for_another_run(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("preset: latency\nmodel: tiny\nlatency: {}\n")
    small = tmp_path / "small.yaml"
    small.write_text(
        "{model: toy, checkpoint: random, data: 'synthetic:1', public: [], seeds: [0], "
        "groups: [{segmentation: true}]}"
    )
    assert main(["run", "--preset", str(small), "--out", str(tmp_path)]) == 2
    assert "holds a latency run: give another --out" in capsys.readouterr().err


def test_two_things_to_write_of_a_data_set_are_refused(tmp_path, capsys):
    place = str(tmp_path / "out")
    assert main(["data", "synthetic:1", "--croissant", place, "--draw", place]) == 2
    assert "leave one out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--preset", "SMALL", "--out", "OUT"],
        ["defend", "nopeek", "--strength", "1", "--model", "toy", "--checkpoint", "random"],
    ],
)
def test_a_data_set_without_an_image_is_refused(tmp_path, capsys, command):
    (tmp_path / "images").mkdir()
    (tmp_path / "instances.json").write_text('{"images": [], "annotations": []}')
    small = tmp_path / "small.yaml"
    small.write_text(
        "{model: toy, checkpoint: random, data: embedded, public: [], seeds: [0], "
        "groups: [{segmentation: true}]}"
    )
    places = {"SMALL": str(small), "OUT": str(tmp_path / "out")}
    given = [places.get(word, word) for word in command]
    assert main([*given, "--data", f"coco:{tmp_path}"]) == 2
    error = capsys.readouterr().err
    assert "no image" in error
    assert "give other --data" in error
