"""No test touches the user's own files."""

from __future__ import annotations

import pytest

import tests.toy_model  # noqa: F401  (the model `toy` has its name in every test)


@pytest.fixture(autouse=True, scope="session")
def _own_data_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield
