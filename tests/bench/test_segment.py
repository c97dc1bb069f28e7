"""`pedbench segment` gives the mask that the centralised model gives."""

import numpy as np
import skimage.data
from PIL import Image
from segment_anything import SamPredictor

from bench.cli import main
from framework import build_sam


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
