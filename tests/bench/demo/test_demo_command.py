"""What `pedbench demo` refuses, and what it offers."""

from __future__ import annotations

import socket
import sys
from unittest.mock import MagicMock, Mock

import pytest

from bench.cli import build_parser, main
from bench.demo import processes
from bench.demo.choices import defences, pipeline, plans, policies
from framework.errors import PedbenchError
from framework.split.plans import PLANS
from framework.split.policies import POLICIES


def test_without_nicegui_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    for module in ("serve", "page", "slider"):
        monkeypatch.delitem(sys.modules, f"bench.demo.{module}", raising=False)
    assert main(["demo"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("pedbench: starting the page")
    assert "pip install 'pedbench[demo]'" in second


@pytest.mark.slow
def test_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["demo", "--port", str(port), "--no-browser"]) == 2
    _, line = capsys.readouterr().err.splitlines()
    assert f"port {port}" in line


def test_shards_end_with_a_page_that_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    started = Mock(return_value=MagicMock(addresses=["127.0.0.1:1"], processes=[Mock(pid=1)]))
    monkeypatch.setattr(processes, "ServerProcesses", started)
    with processes.ShardProcesses(1, "tiny") as servers:
        servers.remote("tiny", 1)
    ((flags,),) = started.call_args.args
    assert build_parser().parse_args(flags).end_with_input


def test_every_policy_that_is_offered_exists() -> None:
    for name in policies():
        POLICIES.get(name)(1)


def test_plans_are_offered_in_words() -> None:
    assert plans()["prefix"] == f"prefix: {PLANS.get('prefix').summary}"


def test_defences_that_need_training_first_are_not_offered() -> None:
    assert "gaussian" in defences()
    assert "nopeek" not in defences()


def test_the_adapted_plan_has_adapted_weights() -> None:
    assert pipeline("globals_last", "float32", "random", 4, "none", 0.5).adapted
    assert not pipeline("interleaved", "float32", "random", 4, "none", 0.5).adapted


@pytest.mark.parametrize("strength", [None, 0.0, -1.0])
def test_a_defence_without_a_strength_is_refused(strength: float | None) -> None:
    with pytest.raises(PedbenchError, match="strength"):
        pipeline("interleaved", "float32", "random", 4, "gaussian", strength)
