"""File names of photos: readable where they can be, never the same for two photos."""

from __future__ import annotations

import pytest

from bench.file_names import file_name


@pytest.mark.parametrize("name", ["100007", "IMG_0042.jpg", "cat-and-dog"])
def test_plain_names_stay(name: str) -> None:
    assert file_name(name) == name


def test_names_that_differ_have_files_that_differ() -> None:
    names = ["a b", "a/b", "a_b", "a\\b", "é", "è", "..", ".", "", "x" * 300, "x" * 301, "\udcff"]
    assert len({file_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["a/b", "../x", "..", "", "ä" * 300, "a\0b", "\udcff"])
def test_any_name_makes_a_file(name: str, tmp_path) -> None:
    path = tmp_path / f"{file_name(name)}.png"
    path.write_text("here")
    assert path.parent == tmp_path
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
