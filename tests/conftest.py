"""No test touches the user's own files, and none fails because the machine is slow."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import tests.toy_model  # noqa: F401  (the model `toy` has its name in every test)

TOGETHER = ("tests/attacks", "tests/bench/report")
"""Folders whose tests share costly fixtures, and so run in one process."""

settings.register_profile("pedbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pedbench")


def pytest_configure() -> None:
    """End fixtures, and what they started, on SIGTERM too.

    Ctrl-C reaches Python, even where the suite runs in the background, which ignores it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _own_data_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the groups of long tests first."""
    slow = {_of(item) for item in items if item.get_closest_marker("slow")}
    first = {group: (group not in TOGETHER, group not in slow) for group in map(_of, items)}
    items.sort(key=lambda item: first[_of(item)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests that share fixtures in one process.

    `--dist loadgroup` does not: pytest 9.2 keeps a test's name where pytest-xdist 3.8 does not
    write the group.
    """
    from xdist.scheduler import LoadScopeScheduling  # absent where xdist is

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return GroupScheduling(config, log)


def _group(nodeid: str) -> str:
    file = nodeid.split("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def _of(item: pytest.Item) -> str:
    return _group(item.nodeid)
