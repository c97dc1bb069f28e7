"""Commands end with one line and an exit code, whatever ends them."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from bench.cli import doctor, main


def test_a_part_that_exits_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "run", lambda args: sys.exit(0))
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err.startswith("pedbench: error: sys.exit was called (cli/test_end")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_asked_to_stop_says_so(monkeypatch, capsys, number):
    monkeypatch.setattr(doctor, "run", lambda args: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "pedbench: interrupted\n"
    assert signal.getsignal(number) is before
