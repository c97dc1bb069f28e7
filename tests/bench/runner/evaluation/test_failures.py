"""A part that fails says where, in its own file, however deep in a library it failed."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from bench.runner.evaluation.record_fields import failure
from framework.errors import PedbenchError

PART = """
import numpy as np

class Part:
    def work(self):
        return np.zeros(3).reshape(2, 2)

def alone():
    raise ValueError()
"""


@pytest.fixture(params=["part.py", "site-packages/part.py", "site-packages/part/__init__.py"])
def part(request, tmp_path, monkeypatch):
    """A module of somebody's, installed or not."""
    path = tmp_path / request.param
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PART)
    root = path.parent.parent if path.name == "__init__.py" else path.parent
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.delitem(sys.modules, "part", raising=False)
    yield __import__("part")
    sys.modules.pop("part")


def raised(call) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return caught.value


def test_a_failed_record_names_file_and_line(part):
    error = raised(lambda: part.Part().work())
    record = failure(error, part.Part)
    assert record["status"] == "failed"
    assert record["error"].startswith("ValueError: ")
    name = part.__file__.rpartition("/")[2]
    assert record["error"].endswith(f"{name}, line 6)")
    assert "no message (" in failure(raised(part.alone), part.Part)["error"]


def test_without_a_part_it_is_the_last_call_outside_libraries():
    text = failure(raised(lambda: np.zeros(3).reshape(2, 2)))["error"]
    assert "(evaluation/test_failures.py, line " in text


def test_what_says_what_to_do_needs_no_line():
    assert failure(raised(refuse))["error"] == "PedbenchError: give another"


def refuse():
    raise PedbenchError("give another")
