"""Windows kept at home cost the edge their share of the servers' work."""

from __future__ import annotations

import pytest
from segment_anything.utils.transforms import ResizeLongestSide

from bench.datasets import open_dataset
from bench.latency.report.arithmetic import work
from bench.report.base import TABLES
from bench.report.data import RunData
from bench.runner.run import run
from bench.spec.config import RunConfig
from bench.spec.grid import Group
from framework.models.named import architecture
from framework.split.windows import WindowGrid


@pytest.mark.slow
def test_padding_at_home_costs_its_share(tmp_path):
    group = Group(
        {"policy": ["random", "random+padding_local"], "n_shards": [4]}, segmentation=True
    )
    config = RunConfig(
        "small", "toy", "synthetic:1", ("package_photos",), (0,), (group,), checkpoint="random"
    )
    run(config, tmp_path / "run", workers=1)
    table = TABLES.get("defence_cost")()
    finished = RunData.read(tmp_path / "run")
    assert table.applies(finished)
    costs = table.build(finished).frame.set_index("policy")
    arch = architecture("toy")
    photo = open_dataset("synthetic:1").load(open_dataset("synthetic:1").ids[0]).image
    height, width = ResizeLongestSide(arch.img_size).apply_image(photo).shape[:2]
    grid = WindowGrid(arch.img_size, arch.patch_size, arch.window_size, (height, width))
    padding = sum(w.height * w.width for w in grid.windows if not w.has_content)
    servers = 2e-9 * work(arch, "interleaved").servers
    assert costs.loc["random", "home_gflop"] == pytest.approx(0, abs=1e-12)
    assert costs.loc["random+padding_local", "home_gflop"] == pytest.approx(
        padding / arch.grid_size**2 * servers
    )
    assert padding > 0
