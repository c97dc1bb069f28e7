"""A run folder belongs to one process at a time, and nothing else is ever discarded."""

import dataclasses
import json
import multiprocessing
import os
import socket
import time

import pytest

from bench.cli import main
from bench.runner.folder.contents import LOCK, discard
from bench.runner.folder.lock import locked
from bench.runner.run import run
from bench.spec.config import RunConfig
from bench.spec.grid import Group
from framework import PedbenchError

CONFIG = RunConfig(
    "small",
    "toy",
    "synthetic:1",
    (),
    (0,),
    (Group({"plan": ["local"]}, segmentation=True),),
    checkpoint="random",
)


def hold(folder, ready):
    with locked(folder):
        ready.set()
        time.sleep(600)


@pytest.fixture
def holder(tmp_path):
    """A process that has the folder ``out``."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path / "out", ready))
    process.start()
    ready.wait()
    yield process
    process.kill()
    process.join()


class TestLock:
    def test_a_second_run_is_refused_at_once_and_told_who_has_the_folder(self, tmp_path, holder):
        who = rf"out is in use by process {holder.pid} on host {socket.gethostname()}: wait"
        with pytest.raises(PedbenchError, match=who):
            run(CONFIG, tmp_path / "out")
        with pytest.raises(PedbenchError, match=who), locked(tmp_path / "out"):
            pass

    def test_the_folder_of_a_dead_process_is_taken_over_with_a_line(self, tmp_path, holder, capsys):
        holder.kill()
        holder.join()
        with locked(tmp_path / "out"):
            assert f"was left by process {holder.pid} on host" in capsys.readouterr().err
            assert json.loads((tmp_path / "out" / LOCK).read_text())["process"] == os.getpid()
        assert not (tmp_path / "out" / LOCK).exists()

    def test_a_lock_of_another_host_says_how_to_remove_it(self, tmp_path):
        lock = tmp_path / LOCK
        lock.write_text(json.dumps({"process": 7, "host": "elsewhere"}))
        message = rf"belongs to process 7 on host elsewhere: if that no longer runs, delete {lock}"
        with pytest.raises(PedbenchError, match=message), locked(tmp_path):
            pass
        lock.unlink()
        with locked(tmp_path):
            pass

    def test_a_folder_that_cannot_be_made_is_one_clear_error(self, tmp_path):
        (tmp_path / "file").write_text("")
        with (
            pytest.raises(PedbenchError, match=r"cannot write .*file/out \(Not a directory\)"),
            locked(tmp_path / "file" / "out"),
        ):
            pass

    def test_no_empty_folder_is_left(self, tmp_path):
        with locked(tmp_path / "out"):
            pass
        assert not (tmp_path / "out").exists()


class TestFresh:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PEDBENCH_CACHE", str(tmp_path / "cache"))

    @pytest.fixture
    def folder(self, tmp_path):
        """A run folder with a file of the user's in it."""
        out = tmp_path / "out"
        run(CONFIG, out, workers=1)
        (out / "tables").mkdir()
        (out / "tables" / "old.csv").write_text("old")
        (out / "notes.txt").write_text("mine")
        return out

    @pytest.mark.slow
    def test_a_run_is_discarded_and_what_is_not_its_own_stays(self, folder):
        other = dataclasses.replace(CONFIG, data="synthetic:2")
        run(other, folder, workers=1, fresh=True)
        assert not (folder / "tables").exists()
        assert (folder / "notes.txt").read_text() == "mine"
        assert "synthetic:2" in (folder / "config.yaml").read_text()

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "flags",
        [
            ["--preset", "quik"],
            ["--preset", "quick", "--data", "coco:/nowhere"],
            ["--preset", "quick", "--model", "vit_x"],
            ["--preset", "quick", "--data", "synthetic:1", "--public", "synthetic:1"],
        ],
    )
    def test_nothing_is_deleted_before_all_else_was_checked(self, folder, flags, capsys):
        before = contents(folder)
        assert main(["run", "--fresh", "--out", str(folder), *flags]) == 2
        assert contents(folder) == before

    @pytest.mark.parametrize(
        "files",
        [
            {"config.yaml": "name: my project"},
            {"config.yaml": "name: my project", "journal.jsonl": "{}"},
            {"config.yaml": "{", "records.parquet": ""},
            {"config.yaml": "preset: x\ngroups: []\nsave_images: false"},
            {"records.parquet": ""},
            {"thesis.tex": "years of work"},
        ],
        ids=["settings", "and-journal", "no-yaml", "no-records", "no-settings", "other"],
    )
    def test_a_folder_that_is_no_runs_is_refused(self, tmp_path, files):
        out = tmp_path / "project"
        out.mkdir()
        for name, text in files.items():
            (out / name).write_text(text)
        before = contents(out)
        with pytest.raises(PedbenchError, match=r"is not a run folder .* nothing was deleted"):
            run(CONFIG, out, workers=1, fresh=True)
        assert contents(out) == before

    def test_a_link_is_removed_and_not_what_it_points_to(self, folder, tmp_path):
        photos = tmp_path / "photos"
        photos.mkdir()
        (photos / "a.png").write_text("photo")
        (folder / "images").symlink_to(photos)
        discard(folder)
        assert (photos / "a.png").exists()
        assert not (folder / "images").is_symlink()

    def test_where_there_is_nothing_there_is_nothing_to_discard(self, tmp_path):
        run(CONFIG, tmp_path / "new", workers=1, fresh=True)
        (tmp_path / "empty").mkdir()
        run(CONFIG, tmp_path / "empty", workers=1, fresh=True)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
