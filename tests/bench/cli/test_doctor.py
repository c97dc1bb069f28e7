"""`pedbench doctor` tells a broken installation, and `make setup` ends with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli.doctor import REQUIRED, mending

ROOT = Path(__file__).parents[3]
PIP = "pip install --force-reinstall"


def doctor(cache: Path, *first: Path) -> subprocess.CompletedProcess[str]:
    """The command, with folders that Python looks into before all others."""
    places = os.pathsep.join(map(str, (*first, ROOT)))
    environment = {**os.environ, "PYTHONPATH": places, "PEDBENCH_CACHE": str(cache)}
    command = [sys.executable, "-m", "bench", "doctor"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_each_required_package_is_checked() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = text.partition("\ndependencies = [")[2].partition("]")[0]
    assert set(REQUIRED) == set(re.findall(r'"([\w-]+)', listed))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("torchvision", 'raise RuntimeError("operator torchvision::nms does not exist")'),
        ("torch", 'raise OSError("libtorch.so: undefined symbol")'),
    ],
)
def test_pytorch_that_cannot_be_imported_is_one_line(
    tmp_path: Path, module: str, line: str
) -> None:
    (tmp_path / f"{module}.py").write_text(line)
    done = doctor(tmp_path / "cache", tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    reason = line.split('"')[1]
    assert re.search(rf"^  {module} +\S+, unusable: {reason}$", done.stdout, re.MULTILINE)
    assert f"to mend:\n  {PIP} torch torchvision  (with" in done.stdout


def test_other_packages_are_mended_one_by_one() -> None:
    assert mending(["lpips", "scipy"]) == [f"{PIP} lpips", f"{PIP} scipy"]
    assert mending([]) == []


@pytest.mark.slow
def test_missing_weights_of_lpips_are_told_and_no_failure(tmp_path: Path) -> None:
    done = doctor(tmp_path / "cache")
    assert done.returncode == 0, done.stdout
    assert "runs leave LPIPS out until 'pedbench weights lpips'" in done.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("failing", ["doctor", "weights", "nothing"])
def test_setup_fails_with_an_installation_that_cannot_be_imported(
    tmp_path: Path, failing: str
) -> None:
    (tmp_path / "pip").write_text("#!/bin/sh\n")
    (tmp_path / "pedbench").write_text(f'#!/bin/sh\n[ "$1" != {failing} ] || exit 1\n')
    python, venv = tmp_path / "python", tmp_path / "venv"
    made = f"mkdir -p {venv}/bin && cp {tmp_path}/pedbench {venv}/bin && cp {tmp_path}/pip"
    python.write_text(f"#!/bin/sh\n{made} {venv}/bin/python\n")
    for file in tmp_path.iterdir():
        file.chmod(0o755)
    command = ["make", "setup", f"PYTHON={python}", f"VENV={venv}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == (failing != "doctor")
    assert (venv / ".stamp").exists() == (failing != "doctor")
    assert ("set-up failed" in done.stderr) == (failing == "doctor")
    assert ("LPIPS is left out" in done.stdout) == (failing == "weights")
