"""No test touches the user's own files, and none fails because the machine is slow."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

import tests.toy_model  # noqa: F401  (the model `toy` has its name in every test)

TOGETHER = ("tests/attacks", "tests/bench/report")
"""Folders whose tests share costly fixtures, and so run in one process."""

settings.register_profile("pedbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pedbench")


def pytest_configure() -> None:
    """End fixtures, and what they started, on SIGTERM too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _own_data_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in a hook of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share fixtures in one process, and start the long ones first."""
    slow = set()
    for item in items:
        group = _group(item)
        item.add_marker(pytest.mark.xdist_group(group))
        if item.get_closest_marker("slow"):
            slow.add(group)
    items.sort(key=lambda item: (_group(item) not in TOGETHER, _group(item) not in slow))


def _group(item: pytest.Item) -> str:
    file = item.nodeid.split("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)
