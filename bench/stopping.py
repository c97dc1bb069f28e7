"""How commands end: as on Ctrl-C, whoever asks, and at once."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import threading
from collections.abc import Iterator

STDIN = 0


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP act like Ctrl-C, so that what was started is also stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def end_with_input() -> None:
    """Ask this process to stop, as SIGTERM does, once its standard input has ended.

    A pipe ends with the process that holds its other end, however that one ends.
    """
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()


def _stop_at_end_of_input() -> None:
    while os.read(STDIN, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def end_quickly() -> None:
    """Leave memory to the system at the end of this process.

    Python would look for cycles among half a million objects of PyTorch and others first.
    """
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
