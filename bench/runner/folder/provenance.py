"""Where a run took place, for its records and its report."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from bench import __version__
from framework.errors import PedbenchError
from framework.models.build import PedSam

FILE = "environment.json"

MAPPINGS = ("machine", "packages", "plugins", "public", "outside", "substitutes", "defences")
"""Facts that have names of their own."""

PACKAGES = (
    "torch",
    "torchvision",
    "segment-anything",
    "lpips",
    "torchmetrics",
    "scikit-image",
    "opencv-python-headless",
    "numpy",
    "pandas",
)


def describe(sam: PedSam, plugins: Mapping[str, str]) -> dict[str, Any]:
    """Machine, software and model, as ``environment.json`` keeps them.

    Args:
        sam: the model.
        plugins: parts of other packages, as `bench.parts.installed_parts` gives them.
    """
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "benchmark_version": __version__,
        "commit": commit(),
        "model": sam.arch.name,
        "weights": weights_label(sam),
        "device": device_label(sam.device),
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "plugins": dict(plugins),
    }


def read_environment(folder: Path) -> dict[str, Any]:
    """What a run folder's ``environment.json`` says; empty where it has none.

    Raises:
        PedbenchError: the file is damaged.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        content = None
    facts = content if isinstance(content, dict) else dict.fromkeys(MAPPINGS)
    if not all(isinstance(facts.get(name, {}), dict) for name in MAPPINGS):
        raise PedbenchError(
            f"{path} is damaged: delete it, and the next run in this folder writes it anew"
        )
    return facts


def weights_label(sam: PedSam) -> str:
    """Source and short hash of the weights; ``random`` and lower precision where that is so."""
    label = f"{sam.weights.source}:{sam.weights.sha256[:16]}"
    return label if sam.precision == "float32" else f"{label}, {sam.precision}"


def device_label(device: torch.device) -> str:
    """The device's type and name."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return f"mps: {processor()}"
    return f"cpu: {processor()}, {torch.get_num_threads()} threads"


def processor() -> str:
    """The processor's model name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit of the checkout this package lies in; ``+`` marks uncommitted changes."""
    root = Path(__file__).resolve().parents[2]
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def package_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
