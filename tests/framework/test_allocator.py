"""Freed memory is reused, unless one variable says otherwise."""

import os
import subprocess
import sys

import pytest

from framework.compute.allocator import SYSTEM_ALLOCATOR

FAULTS = """
import resource
from framework.compute.allocator import keep_freed_memory
keep_freed_memory()
import torch
def work():
    torch.empty(25_000_000).fill_(1)
for _ in range(20):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**environment):
    settings = {k: v for k, v in os.environ.items() if k != SYSTEM_ALLOCATOR} | environment
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=settings, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
@pytest.mark.slow
def test_large_tensors_fault_their_pages_in_once():
    assert faults() < 0.5 * faults(**{SYSTEM_ALLOCATOR: "1"})
