"""Freed memory is kept for the next tensor instead of being returned to the system.

A ViT allocates and frees the same large temporaries block after block. glibc returns each to the
kernel at once and gets it back page by page, zeroed: a third of SAM's time on a Linux CPU.
"""

from __future__ import annotations

import ctypes
import os
import sys

SYSTEM_ALLOCATOR = "PEDBENCH_SYSTEM_ALLOCATOR"
"""Environment variable that, if set to anything, leaves the allocator as it is."""

_LARGEST = 2**31 - 1
_SETTINGS = {  # number of the parameter in malloc.h -> bytes
    -1: _LARGEST,  # M_TRIM_THRESHOLD: the free end of the heap is not given back below this
    -2: 64 << 20,  # M_TOP_PAD: the heap grows by at least this
    -3: _LARGEST,  # M_MMAP_THRESHOLD: smaller blocks come from the heap
}

_MKL = ("MKL_DISABLE_FAST_MM", "1")  # MKL's own store of buffers would be a second one


def keep_freed_memory() -> bool:
    """Set this process up to reuse freed memory; whether that was done.

    Nothing happens outside glibc, or where `SYSTEM_ALLOCATOR` is set. The process stays as large as
    it was at its peak.
    """
    if os.environ.get(SYSTEM_ALLOCATOR) or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    os.environ.setdefault(*_MKL)
    accepted = [mallopt(parameter, value) == 1 for parameter, value in _SETTINGS.items()]
    return all(accepted)
