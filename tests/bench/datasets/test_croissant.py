"""Croissant metadata, read by the format's own library."""

from __future__ import annotations

import json
import shutil

import mlcroissant
import pytest

from bench.cli import main
from bench.datasets import open_dataset
from bench.datasets.description.about import About
from bench.datasets.description.croissant import RESPONSIBLE, croissant, to_text
from bench.datasets.embedded import ANNOTATIONS

PUBLISHED = ANNOTATIONS.with_name("croissant.json")


def read(folder, metadata):
    """The metadata as mlcroissant reads it."""
    path = folder / "croissant.json"
    path.write_text(to_text(metadata))
    return mlcroissant.Dataset(jsonld=path)


def test_the_published_metadata_of_embedded_are_those_that_are_made():
    assert PUBLISHED.read_text() == to_text(croissant(open_dataset("embedded")))


def test_embedded_fulfils_the_format_without_a_warning(tmp_path):
    shutil.copy(ANNOTATIONS, tmp_path / ANNOTATIONS.name)
    metadata = croissant(open_dataset("embedded"))
    metadata["distribution"][0]["contentUrl"] = ANNOTATIONS.name
    dataset = read(tmp_path, metadata)
    assert not dataset.metadata.issues.errors
    assert not dataset.metadata.issues.warnings
    assert len(list(dataset.records("images"))) == 9
    assert len(list(dataset.records("masks"))) == 74


def test_embedded_tells_every_responsible_fact():
    metadata = croissant(open_dataset("embedded"))
    assert set(RESPONSIBLE.values()) <= set(metadata)
    assert open_dataset("embedded").about.untold == ["url"]


def test_a_data_set_without_files_has_its_names(tmp_path):
    dataset = read(tmp_path, croissant(open_dataset("synthetic:3").limit(2)))
    assert not dataset.metadata.issues.errors
    assert len(list(dataset.records("images"))) == 2


def test_the_command_says_what_is_not_told(tmp_path, capsys):
    path = tmp_path / "croissant.json"
    assert main(["data", "synthetic:2", "--croissant", str(path)]) == 0
    assert "not told, see docs/data.md: description, licence" in capsys.readouterr().out
    assert json.loads(path.read_text())["name"].startswith("synthetic")


def test_the_info_of_a_coco_file_is_told_and_photos_have_their_files(tmp_path):
    photo = open_dataset("embedded").photo_files()["coffee"].path
    shutil.copy(photo, tmp_path / "a.png")
    info = {"description": "one cup", "contributor": "A. Author", "biases": "no tea"}
    image = {"id": 1, "file_name": "a.png"}
    content = {"info": info, "images": [image], "annotations": []}
    (tmp_path / "instances.json").write_text(json.dumps(content))
    metadata = croissant(open_dataset(f"coco:{tmp_path}"))
    assert metadata["creator"] == [{"@type": "sc:Organization", "name": "A. Author"}]
    assert metadata["rai:dataBiases"] == "no tea"
    assert metadata["description"].startswith("one cup (1 images, fingerprint ")
    assert [file["contentUrl"] for file in metadata["distribution"]] == ["instances.json", "a.png"]
    assert not read(tmp_path, metadata).metadata.issues.errors


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"creators": "A. Author"}, About(creators=("A. Author",))),
        ({"version": 2, "licence": None}, About(version="2")),
        ({"limitations": ["a"], "colour": "red"}, About()),
    ],
)
def test_facts_are_taken_by_name_and_odd_ones_left_out(told, expected):
    assert About.of(told) == expected
