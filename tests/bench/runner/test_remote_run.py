"""`pedbench run --shards`: the records are those of shards in one process."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from bench.cli import main
from bench.flags.remote import Remote, connection
from bench.runner.run import run
from bench.spec.config import read_config
from framework import PedbenchError, build_sam
from framework.transport.grpc.server.service import ShardService
from tests.framework.servers import serving

pytestmark = pytest.mark.slow

PRESET = """
model: toy
checkpoint: random
data: synthetic:1
public: []
seeds: [0]
groups:
  - {plan: [local, prefix, centralized], n_shards: 2, segmentation: true, coalitions: {2: [1]}}
"""
KEYS = ["plan", "region", "metric", "value"]


def scores(records: pd.DataFrame) -> pd.DataFrame:
    return records[KEYS].sort_values(KEYS).reset_index(drop=True)


@pytest.fixture
def preset(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(PRESET)
    return path


def test_the_same_records_come_out(tmp_path, preset):
    config = read_config(preset)
    with serving(build_sam("toy", "random"), ShardService, ShardService) as addresses:
        remote = Remote(tuple(addresses), None)
        away = run(dataclasses.replace(config, remote=remote), tmp_path / "away", workers=1)
        assert len({m.shard for m in connection(remote).timings}) == 2
        connection(remote).close()
    here = run(config, tmp_path / "here", workers=1)
    assert (away.records["status"] != "failed").all()
    pd.testing.assert_frame_equal(scores(away.records), scores(here.records), rtol=1e-4, atol=1e-6)
    for name in ("away", "here"):
        assert read_config(tmp_path / name / "config.yaml").remote is None


def test_pipelines_for_another_number_are_refused_up_front(tmp_path, preset, capsys):
    config = dataclasses.replace(read_config(preset), remote=Remote(("a:1", "b:1", "c:1"), None))
    with pytest.raises(PedbenchError, match="for 2 shards and --shards names 3"):
        config.check()
    flags = ["--shards", "a:1,b:1,c:1", "--insecure", "--out", str(tmp_path / "out")]
    assert main(["run", "--preset", str(preset), *flags]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
