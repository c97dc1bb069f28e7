"""`pedbench doctor`: what is installed, what is missing, and how to mend it.

It starts where other packages cannot be imported: each is tried by itself.
"""

from __future__ import annotations

import argparse
import importlib
from importlib.metadata import PackageNotFoundError, version

from framework.errors import one_line

REQUIRED = {
    "torch": "torch",
    "torchvision": "torchvision",
    "segment-anything": "segment_anything",
    "safetensors": "safetensors",
    "lpips": "lpips",
    "torchmetrics": "torchmetrics",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "opencv-python-headless": "cv2",
    "scipy": "scipy",
    "numpy": "numpy",
    "pillow": "PIL",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "matplotlib": "matplotlib",
    "pycocotools": "pycocotools",
    "datasets": "datasets",
    "jinja2": "jinja2",
    "pyyaml": "yaml",
    "tqdm": "tqdm",
    "grpcio": "grpc",
    "grpcio-health-checking": "grpc_health",
    "protobuf": "google.protobuf",
    "prometheus-client": "prometheus_client",
    "cryptography": "cryptography",
    "jsonschema": "jsonschema",
}
"""Packages that every installation has, each with the module that it brings."""

PAIR = ("torch", "torchvision")
"""These must match; others cannot be imported where they do not."""
INDEX = "  (with the --index-url that they came from, if any)"


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("doctor", help="check this installation and say how to mend it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand; exit code 1 when something needed is missing.

    LPIPS's weights, and a plug-in that cannot be used, are told and no reason for exit code 1:
    runs do without them.
    """
    import platform
    import shutil

    from bench import __version__
    from framework.files.cache import cache_dir

    print(f"pedbench {__version__}, Python {platform.python_version()}")
    free = shutil.disk_usage(cache_dir()).free / 1e9
    print(f"cache:  {cache_dir()} ({free:.0f} GB free)")
    print("packages:")
    broken = []
    for name in REQUIRED:
        state, usable = package_state(name)
        print(f"  {name:<24} {state}")
        if not usable:
            broken.append(name)
    missing = mending(broken) or parts_missing()
    if missing:
        print("to mend:\n  " + "\n  ".join(missing))
        return 1
    print("all that 'pedbench run' needs is here")
    return 0


def package_state(name: str) -> tuple[str, bool]:
    """Version of a package, or why it cannot be imported; whether it can."""
    try:
        found = version(name)
        importlib.import_module(REQUIRED[name])
    except PackageNotFoundError:
        return "not installed", False
    except Exception as error:
        return f"{found}, unusable: {one_line(error)}", False
    return found, True


def mending(broken: list[str]) -> list[str]:
    """The commands that mend packages; of PyTorch alone where others may fail for it."""
    if set(broken) & set(PAIR):
        return [f"pip install --force-reinstall {' '.join(PAIR)}{INDEX}"]
    return [f"pip install --force-reinstall {name}" for name in broken]


def parts_missing() -> list[str]:
    """Print device, plug-ins, weights and data; the commands that bring what is needed."""
    import torch

    from bench.cli.weights import weight_states
    from bench.datasets import open_dataset
    from bench.parts import installed_parts, part_problems
    from bench.runner.folder.provenance import device_label
    from framework.compute.devices import usable_device

    print(f"device: {device_label(torch.device(usable_device()))}")
    plugins, broken = installed_parts(), part_problems()
    if plugins or broken:
        print("parts of other packages:")
        for part, package in plugins.items():
            print(f"  {part:<24} {package}")
        for problem in broken:
            print(f"  unusable: {problem}")
    print("weights:")
    states = weight_states()
    for name, state in states.items():
        print(f"  {name:<24} {state}")
    embedded = open_dataset("embedded")
    print(f"data:\n  {'embedded':<24} {len(embedded)} photos, fingerprint {embedded.fingerprint}")
    if states["lpips"].startswith("missing: "):
        print("runs leave LPIPS out until 'pedbench weights lpips' brings its weights")
    tiny = states["tiny"]
    return [tiny.removeprefix("missing: ")] if tiny.startswith("missing: ") else []
