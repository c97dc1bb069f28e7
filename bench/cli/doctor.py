"""`pedbench doctor`: what is installed, what is missing, and how to mend it."""

from __future__ import annotations

import argparse


def add(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("doctor", help="check this installation and say how to mend it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the subcommand; exit code 1 when something needed is missing.

    A plug-in that cannot be used is told, and no reason for exit code 1: most runs do without it.
    """
    import platform
    import shutil

    import torch

    from bench import __version__
    from bench.cli.weights import weight_states
    from bench.datasets import open_dataset
    from bench.parts import installed_parts, part_problems
    from bench.runner.folder.provenance import PACKAGES, device_label, package_version
    from framework.compute.devices import usable_device
    from framework.files.cache import cache_dir

    print(f"pedbench {__version__}, Python {platform.python_version()}")
    print(f"device: {device_label(torch.device(usable_device()))}")
    free = shutil.disk_usage(cache_dir()).free / 1e9
    print(f"cache:  {cache_dir()} ({free:.0f} GB free)")
    print("packages:")
    missing = []
    for name in PACKAGES:
        found = package_version(name)
        print(f"  {name:<24} {found}")
        if found == "not installed":
            missing.append(f"pip install {name}")
    plugins, broken = installed_parts(), part_problems()
    if plugins or broken:
        print("parts of other packages:")
        for part, package in plugins.items():
            print(f"  {part:<24} {package}")
        for problem in broken:
            print(f"  unusable: {problem}")
    print("weights:")
    for name, state in weight_states().items():
        print(f"  {name:<24} {state}")
        if name in ("tiny", "lpips") and state.startswith("missing: "):
            missing.append(state.removeprefix("missing: "))
    embedded = open_dataset("embedded")
    print(f"data:\n  {'embedded':<24} {len(embedded)} photos, fingerprint {embedded.fingerprint}")
    if missing:
        print("to mend:\n  " + "\n  ".join(missing))
        return 1
    print("all that 'pedbench run' needs is here")
    return 0
