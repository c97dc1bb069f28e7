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
