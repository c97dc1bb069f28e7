"""No test touches the user's own files, and none fails because the machine is slow."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

import tests.toy_model  # noqa: F401  (the model `toy` has its name in every test)

settings.register_profile("pedbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pedbench")


@pytest.fixture(autouse=True, scope="session")
def _own_data_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield
