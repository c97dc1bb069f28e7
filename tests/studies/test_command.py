"""What a study refuses."""

import pytest

from studies.command import exit_with
from studies.inpainting import inpainting


def test_a_folder_that_is_not_there_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["study", "--data", "coco:/no", "--public", "coco:/no"])
    with pytest.raises(SystemExit) as ended:
        exit_with(inpainting.main, "studies.inpainting.inpainting")
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "studies.inpainting.inpainting: coco:/no: there is no such folder: give coco:DIR"
    ]


def test_a_study_that_refuses_nothing_ends_as_it_says():
    with pytest.raises(SystemExit) as ended:
        exit_with(lambda: 3, "a study")
    assert ended.value.code == 3


def test_a_defect_keeps_its_traceback():
    def defect() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        exit_with(defect, "a study")
