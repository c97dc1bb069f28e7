"""Caps from the command line: kept, entered in the ledger, printed."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import skimage.data
from PIL import Image

from bench.cli import main
from bench.flags.caps import add_cap_flags, read_cap_flags, read_caps
from framework import PedbenchError
from framework.exposure import Ledger


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_cap_flags(parser)
    return parser.parse_args(arguments)


def test_flags():
    caps = read_caps(
        parsed(
            "--max-per-server=0.3",
            "--max-coalition=2:0.5",
            "--protect=1,2,30,40:0.25",
            "--protect=5,6,7,8",
        )
    )
    assert (caps.per_server, caps.coalition) == (0.3, (2, 0.5))
    assert [(p.region, p.fraction) for p in caps.protected] == [
        ((1, 2, 30, 40), 0.25),
        ((5, 6, 7, 8), 0.0),
    ]
    assert read_caps(parsed()) is None
    assert read_cap_flags(parsed()) == {"fallback": "edge", "spot_checks": 0.0}
    assert read_cap_flags(parsed("--on-cap=fail", "--max-per-server=1"))["fallback"] == "fail"


def test_a_region_may_be_a_picture(tmp_path):
    drawn = np.zeros((20, 30), dtype=np.uint8)
    drawn[3:9, 5:12] = 255
    Image.fromarray(drawn).save(tmp_path / "mask.png")
    [whole, part] = read_caps(
        parsed(f"--protect={tmp_path / 'mask.png'}", f"--protect={tmp_path / 'mask.png'}:0.5")
    ).protected
    assert np.array_equal(whole.region, drawn > 0)
    assert (whole.fraction, part.fraction) == (0.0, 0.5)
    with pytest.raises(PedbenchError, match=r"mask.png:x' is not understood: give X0,Y0,X1,Y1"):
        read_caps(parsed(f"--protect={tmp_path / 'mask.png'}:x"))
    with pytest.raises(PedbenchError, match=r"absent\.png"):
        read_caps(parsed("--protect=absent.png"))


@pytest.mark.parametrize(
    "flag",
    [
        "--max-coalition=2",
        "--max-coalition=a:0.5",
        "--max-coalition=2.5:0.5",
        "--max-coalition=2:",
        "--max-coalition=1,2:0.5",
        "--protect=1,2,3",
        "--protect=1,2,3,4:",
        "--protect=1,2,3,4.5",
        "--protect=mask.png:",
        "--protect=mask",
        "--protect=1,2,3,4:x",
        "--protect=5,5,5,9",
        "--max-per-server=2",
        "--max-per-server=nan",
        "--protect=",
    ],
)
def test_malformed_flags(flag):
    with pytest.raises(PedbenchError) as caught:
        read_caps(parsed(flag))
    assert "give" in str(caught.value)


@pytest.fixture
def segment(tmp_path):
    Image.fromarray(skimage.data.chelsea()).save(tmp_path / "cat.png")

    def run(*extra: str) -> int:
        arguments = ["segment", str(tmp_path / "cat.png"), "--box", "60,20,420,290"]
        ledger = str(tmp_path / "l.db")
        return main([*arguments, "--out", str(tmp_path / "m.png"), "--ledger", ledger, *extra])

    return run


@pytest.mark.slow
def test_segment_keeps_its_caps_over_runs(segment, tmp_path, capsys):
    flags = ("--policy", "random", "--max-per-server", "0.4", "--max-coalition", "2:0.6")
    flags += ("--protect", "100,50,200,120", "--scene", "cat", "--plan", "prefix")
    assert segment("--plan", "local") == 0
    expected = np.asarray(Image.open(tmp_path / "m.png"))
    for _ in range(2):
        assert segment(*flags) == 0
        assert np.mean(np.asarray(Image.open(tmp_path / "m.png")) != expected) < 1e-4
    capsys.readouterr()
    coverage = Ledger(tmp_path / "l.db").coverage("cat")
    assert max(mask.mean() for mask in coverage.seen.values()) <= 0.4
    assert coverage.worst(2)[1] <= 0.6
    assert not coverage.union(coverage.seen)[50:120, 100:200].any()
    assert main(["exposure", "--ledger", str(tmp_path / "l.db")]) == 0
    out = capsys.readouterr().out
    assert "scene cat, 451x300 pixels, pictures: 2" in out
    assert "most of any 2" in out
    assert f"{coverage.of('shard-0').mean():.2%} seen" in out


def test_without_the_edge_a_cap_ends_the_run(segment, tmp_path, capsys):
    assert segment("--max-per-server", "0.1", "--on-cap", "fail") == 2
    assert "raise the caps" in capsys.readouterr().err
    assert not (tmp_path / "m.png").exists()
    assert Ledger(tmp_path / "l.db").last() == 0


def test_exposure_of_nothing(tmp_path, capsys):
    missing = str(tmp_path / "none.db")
    assert main(["exposure", "--ledger", missing]) == 2
    assert "does not exist" in capsys.readouterr().err
    Ledger(missing).close()
    assert main(["exposure", "--ledger", missing]) == 0
    assert "nothing was sent" in capsys.readouterr().out
    assert main(["exposure", "--ledger", missing, "--scene", "x"]) == 2


def test_caps_without_a_ledger_are_said_to_be_forgotten(capsys):
    read_cap_flags(parsed("--max-per-server=0.5"))
    assert "forgotten when this run ends" in capsys.readouterr().err
    read_cap_flags(parsed())
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_caps_that_are_exceeded_already_are_said_and_refused(segment, tmp_path, capsys, caplog):
    assert segment("--plan", "prefix", "--scene", "cat") == 0
    last = Ledger(tmp_path / "l.db").last()
    flags = ("--plan", "prefix", "--scene", "cat", "--max-per-server", "0.1")
    assert segment(*flags, "--on-cap", "fail") == 2
    assert "caps of scene 'cat' are exceeded already: shard-" in capsys.readouterr().err
    assert Ledger(tmp_path / "l.db").last() == last
    caplog.clear()
    assert segment(*flags) == 0
    assert caplog.text.count("are exceeded already") == 1


@pytest.mark.slow
def test_four_prompts_on_one_photo_show_each_shard_the_same(segment, tmp_path, capsys):
    seen = []
    for key in ("one", "one", "two"):
        ledger = tmp_path / f"{len(seen)}.db"
        flags = ("--plan", "prefix", "--policy-key", str(tmp_path / key), "--ledger", str(ledger))
        assert segment(*flags) == 0
        [scene] = Ledger(ledger).scenes()
        seen.append(Ledger(ledger).coverage(scene).of("shard-0").tobytes())
    assert seen[0] == seen[1] != seen[2]
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600


def test_a_lost_ledger_ends_the_run(segment, tmp_path, capsys):
    assert segment("--plan", "prefix") == 0
    (tmp_path / "l.db").unlink()
    assert segment("--plan", "prefix") == 2
    assert "is gone and had" in capsys.readouterr().err
