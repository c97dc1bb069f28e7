"""``make chaos`` plays its faults to the end."""

from __future__ import annotations

import pytest

from tests.chaos.__main__ import main


@pytest.mark.parametrize("fault", ["answers NaN", "killed before a round"])
def test_a_fault_gives_the_right_mask(fault, capsys):
    assert main(["--requests", "1", "--only", fault]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("all"))
    requests, right, errors, wrong, caps = map(int, row.split()[1:6])
    assert (requests, right, errors, wrong, caps) == (1, 1, 0, 0, 0)
