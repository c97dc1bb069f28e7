"""`pedbench segment` gives the mask that the centralised model gives."""

import json
import os
import warnings

import numpy as np
import pytest
import skimage.data
from PIL import Image
from segment_anything import SamPredictor

from bench.cli import attached, main
from framework import build_sam


@pytest.mark.slow
def test_segment_equals_the_centralised_mask(tmp_path, capsys):
    photo = skimage.data.chelsea()
    Image.fromarray(photo).save(tmp_path / "cat.png")
    box = np.array([60, 20, 420, 290])
    stock = SamPredictor(build_sam("tiny", attention="stock"))
    stock.set_image(photo)
    expected = stock.predict(box=box, multimask_output=False)[0][0]
    for plan in ("interleaved", "prefix", "centralized"):
        target = tmp_path / f"{plan}.png"
        arguments = ["segment", str(tmp_path / "cat.png"), "--box", "60,20,420,290", "--plan", plan]
        assert main([*arguments, "--out", str(target), "--overlay", str(tmp_path / "o.png")]) == 0
        mask = np.asarray(Image.open(target)) > 0
        assert (mask == expected).mean() > 0.9999
    assert "MB up" in capsys.readouterr().out
    assert np.asarray(Image.open(tmp_path / "o.png")).shape == photo.shape


def test_one_photo_has_one_mask_whatever_file_holds_it(tmp_path):
    grey = skimage.data.camera()[:300, :400]
    Image.fromarray(grey).save(tmp_path / "8.png")
    turned = Image.Exif()
    turned[0x0112] = 3
    deep = np.ascontiguousarray(grey[::-1, ::-1]).astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "16.tif", exif=turned)
    masks = []
    for name in ("8.png", "16.tif"):
        arguments = ["--box", "120,40,280,290", "--plan", "centralized", "--n-shards", "1"]
        photo, target = str(tmp_path / name), str(tmp_path / f"{name}.mask.png")
        assert main(["segment", photo, "--out", target, *arguments]) == 0
        masks.append(np.asarray(Image.open(target)))
    assert masks[0].any()
    assert np.array_equal(*masks)


def test_a_photo_that_is_too_large_or_not_certain_is_one_line(tmp_path, capsys):
    Image.fromarray(skimage.data.camera()).save(tmp_path / "photo.png")
    Image.fromarray(skimage.data.camera().astype(np.float32)).save(tmp_path / "float.tif")
    rest = ["--point", "9,9", "--out", str(tmp_path / "m.png")]
    for photo, flags, said in (
        ("photo.png", ["--max-megapixels", "0.1"], "photo.png is 512×512, 0.3 megapixels"),
        ("float.tif", [], "float.tif has floats that are not all in 0..1"),
        ("none.png", [], "none.png is missing"),
    ):
        assert main(["segment", str(tmp_path / photo), *rest, *flags]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


@pytest.fixture(scope="module")
def cat(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "cat.png"
    Image.fromarray(skimage.data.chelsea()).save(path)
    return path


def refusal(capsys, cat, *flags, out="m.png"):
    """The one line that `segment` prints before it computes anything; no mask is written."""
    out = cat.parent / out
    flags = (
        [*flags]
        if "--box" in " ".join(flags) or "--point" in flags
        else ["--point", "99,99", *flags]
    )
    assert main(["segment", str(cat), "--out", str(out), *flags]) == 2
    assert not out.exists() or out == cat
    [line] = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (("--point", "9999,9999"), "outside the photo of 451x300 pixels"),
        (("--point", "451,20"), "outside the photo"),
        (("--point", "20,300"), "outside the photo"),
        (("--point", "-1,20"), "outside the photo"),
        (("--box", "451,0,500,20"), "outside the photo"),
        (("--box", "10,400,90,500"), "outside the photo"),
        (("--box", "-50,-50,0,0"), "outside the photo"),
        (("--box=-50,-50,0,0",), "outside the photo"),
        (("--point", "0.5,0.5"), "give pixels, here 226,150"),
        (("--box", "0.1,0.2,0.9,0.8"), "give pixels, here 45,60,406,240"),
        (("--box", "0.1,0.1,0.9,1.2"), "it seems to be in fractions"),
        (("--box=-0.05,0.1,1.02,0.9",), "it seems to be in fractions"),
        (("--box", "0,0,1,1"), "give pixels, here 0,0,451,300"),
        (("--box", "9,9,3,3"), "is empty"),
        (("--box", "1,2,3"), "give 4 numbers"),
        (("--point", "nan,3"), "give 2 numbers"),
        (("--point", "1e300,3"), "give 2 numbers"),
    ],
)
def test_a_prompt_that_cannot_be_meant_is_refused(capsys, cat, prompt, reason):
    assert reason in refusal(capsys, cat, *prompt)


@pytest.mark.parametrize("out", ["m.jpg", "m.JPEG", "m.webp", "m.gif", "m", "m.pdf"])
def test_a_mask_is_never_written_where_it_would_not_stay_one(capsys, cat, out):
    line = refusal(capsys, cat, out=out)
    assert "give --out" in line
    assert "m.png" in line


def test_output_names_are_checked_before_anything_is_computed(capsys, cat):
    content = cat.read_bytes()
    assert "one file twice" in refusal(capsys, cat, out="cat.png")
    assert cat.read_bytes() == content
    same = str(cat.parent / "m.png")
    assert "one file twice" in refusal(capsys, cat, "--overlay", same)
    for overlay in ("seen.txt", "seen.psd", "seen.xbm", "seen.hdf"):
        assert "give FILE.png" in refusal(capsys, cat, "--overlay", overlay)
    assert "there is no folder" in refusal(capsys, cat, out="nowhere/m.png")
    folder = cat.parent / "folder.png"
    folder.mkdir()
    assert "cannot be written as a file" in refusal(capsys, cat, "--overlay", str(folder))


def test_a_photo_is_not_overwritten_by_another_name_of_it(capsys, cat):
    content = cat.read_bytes()
    for link in (os.link, os.symlink):
        name = cat.parent / f"{link.__name__}.png"
        link(cat, name)
        assert main(["segment", str(cat), "--point", "9,9", "--out", str(name)]) == 2
        assert "one file twice" in capsys.readouterr().err
        assert cat.read_bytes() == content


@pytest.mark.parametrize("name", ["", " ", "a\x1b[31m", "a\nb"])
def test_a_scene_has_a_name_that_can_be_printed(capsys, cat, name):
    line = refusal(capsys, cat, "--checkpoint", "random", "--scene", name)
    assert ("give a name of printable characters" if name else "--scene is empty") in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--defence", "gaussian"), "without a strength changes nothing"),
        (("--defence", "gaussian", "--strength", "0"), "without a strength changes nothing"),
        (("--strength", "4"), "strength 4 without a defence"),
        (("--defence", "none", "--strength", "4"), "strength 4 without a defence"),
        (("--policy", "sensitive_local"), "'sensitive_local' needs a mask"),
        (("--policy", "one_per_shard"), "give --n-shards 25"),
        (
            ("--n-shards", "7", "--insecure", "--shards", "localhost:1,localhost:2"),
            "--n-shards 7, but --shards names 2 servers",
        ),
    ],
)
def test_settings_without_effect_are_refused(capsys, cat, flags, reason):
    assert reason in refusal(capsys, cat, "--checkpoint", "random", *flags)


def test_a_box_may_begin_before_the_photo(tmp_path, capsys, cat):
    out = tmp_path / "m.tif"
    flags = ["--box", "-5,-5.5,200,200", "--out", str(out), "--checkpoint", "random"]
    assert main(["segment", str(cat), *flags, "--n-shards", "2", "--plan", "prefix"]) == 0
    mask = np.asarray(Image.open(out))
    assert mask.shape == (300, 451)
    assert set(np.unique(mask)) <= {0, 255}


def test_values_with_a_minus_are_tied_to_their_flag():
    given = ["--box", "-5,0,9,9", "--n", "-1", "--point=-1,2", "--quiet", "-v", "--", "-3"]
    tied = ["--box=-5,0,9,9", "--n=-1", "--point=-1,2", "--quiet", "-v", "--", "-3"]
    assert attached(given) == tied


def test_a_warning_of_the_command_line_is_one_line(tmp_path, capsys, cat):
    entry = {"id": 1, "file_name": cat.name}
    bad = {"id": 5, "image_id": 1, "segmentation": [[1, 2, 3, 4]]}
    content = {"images": [entry], "annotations": [bad]}
    (tmp_path / "instances.json").write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="1 of 1 annotations of cat.png are skipped") as caught:
        assert main(["data", f"coco:{tmp_path}", "--images", str(cat.parent)]) == 0
    line = warnings.formatwarning(str(caught[0].message), UserWarning, __file__, 1)
    assert line.startswith("pedbench: warning: ")
    assert line.count("\n") == 1
    assert "0 unreadable" in capsys.readouterr().out
