"""Coalitions, threat models and the command line."""

from itertools import pairwise

import numpy as np
import pytest
import skimage.data
from PIL import Image

from attacks import ATTACKS
from attacks.coalition import exposure, largest_exposure, padding_only, seeded
from attacks.run import main
from attacks.threat_models.base import ThreatModel, unsupported_reason
from framework import PedbenchError
from framework.models.build import RANDOM


def test_seeded_coalitions_are_nested_and_reproducible(observe, target):
    whole = observe(target, n_shards=9)
    sizes = [seeded(whole, size, seed=3) for size in range(10)]
    for size, (smaller, larger) in enumerate(pairwise(sizes)):
        assert len(smaller) == size
        assert set(smaller) < set(larger)
    assert seeded(whole, 4, seed=3) == sizes[4]
    assert {seeded(whole, 4, seed) for seed in range(9)} != {sizes[4]}


def test_the_largest_exposure_is_the_largest(observe, target):
    whole = observe(target, n_shards=9, policy="contiguous")
    seen = exposure(whole)
    assert sum(seen.values()) == target.shape[0] * target.shape[1]
    for shard, pixels in seen.items():
        part = whole.restrict([shard])
        assert part.grid.pixel_mask(part.visible).sum() == pixels
    for size in range(10):
        chosen = largest_exposure(whole, size)
        best = sum(sorted(seen.values())[9 - size :])
        assert sum(seen[shard] for shard in chosen) == best
    assert largest_exposure(whole, 9) == tuple(range(9))


def test_padding_alone_shows_nothing_of_the_picture(observe, target):
    alone = padding_only(observe(target))
    assert alone.messages
    assert not alone.grid.pixel_mask(alone.visible).any()


@pytest.mark.parametrize("choose", [largest_exposure, lambda o, size: seeded(o, size, 0)])
def test_too_large_a_coalition_is_refused(choose, observe, target):
    with pytest.raises(PedbenchError, match="coalition of 5 among 4"):
        choose(observe(target), 5)


@pytest.mark.parametrize(
    ("attack", "means", "stages", "lacking"),
    [
        ("pseudo_inverse", {}, [0], None),
        ("pseudo_inverse", {}, [2], "stage 0"),
        ("telea", {"weights_known": False}, [0], "weights"),
        ("ridge", {"weights_known": False}, [2], None),
        ("ridge", {"positions_known": False}, [0], "positions"),
        ("ceiling", {}, [0], "pixels"),
        ("ceiling", {}, [], None),
        ("mean_colour", {"weights_known": False, "positions_known": False}, [2], None),
    ],
)
def test_unsupported_reason(attack, means, stages, lacking, observe, target):
    seen = observe(target, plan="interleaved").at_stages(stages)
    reason = unsupported_reason(ATTACKS.get(attack), ThreatModel(**means), seen)
    assert (reason is None) if lacking is None else (lacking in reason)


def test_the_command_learns_from_photos(tmp_path, observe, target, sam):
    Image.fromarray(skimage.data.rocket()).save(tmp_path / "rocket.png")
    (tmp_path / "seen.bin").write_bytes(observe(target).restrict([0]).to_bytes())
    call = ["ridge", str(tmp_path / "seen.bin"), str(tmp_path / "out.png")]
    call += ["--public", str(tmp_path / "rocket.png"), "--checkpoint", RANDOM]
    assert main(call) == 0
    assert np.asarray(Image.open(tmp_path / "out.png")).shape == target.shape


@pytest.mark.parametrize(
    ("attack", "content", "complaint"),
    [
        ("telea", None, "does not exist"),
        ("telea", b"nonsense", "not an observation"),
        ("teleo", "seen", "did you mean 'telea'"),
        ("ridge", "seen", "public photos"),
    ],
)
def test_the_command_says_what_is_wrong(
    attack, content, complaint, tmp_path, capsys, observe, target
):
    path = tmp_path / "seen.bin"
    if content is not None:
        path.write_bytes(observe(target).to_bytes() if content == "seen" else content)
    call = [attack, str(path), str(tmp_path / "out.png"), "--checkpoint", RANDOM]
    assert main(call) == 2
    message = capsys.readouterr().err
    assert complaint in message
    assert message.count("\n") == 1
