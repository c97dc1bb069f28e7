"""Giving up a request at once, from any thread, with all that waits for servers on its behalf."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import contextmanager, suppress
from typing import TypeVar

from framework.errors import PedbenchError

T = TypeVar("T")


class Aborted(PedbenchError):
    """The request was given up; whatever was under way for it ends with this."""

    def __init__(self) -> None:
        super().__init__("the request was given up")


class Abort:
    """A switch of one request: once thrown, its calls are cancelled and no new one begins."""

    def __init__(self) -> None:
        self._thrown = threading.Event()
        self._lock = threading.Lock()
        self._cancels: set[Callable[[], object]] = set()

    def now(self) -> None:
        """Throw the switch."""
        self._thrown.set()
        with self._lock:
            cancels = tuple(self._cancels)
        for cancel in cancels:
            cancel()

    def check(self) -> None:
        """Go on only while the request is wanted.

        Raises:
            Aborted: it is not.
        """
        if self._thrown.is_set():
            raise Aborted

    def sleep(self, seconds: float) -> None:
        """Wait, unless the request is given up meanwhile; raises `Aborted` then."""
        self._thrown.wait(seconds)
        self.check()

    @contextmanager
    def holding(self, cancel: Callable[[], object]) -> Iterator[None]:
        """While within, ``cancel`` is called when the switch is thrown.

        Raises:
            Aborted: it was thrown before; ``cancel`` was called, since the call may be under way.
        """
        with self._lock:
            self._cancels.add(cancel)
        try:
            if self._thrown.is_set():
                cancel()
                raise Aborted
            yield
        finally:
            with self._lock:
                self._cancels.discard(cancel)

    @contextmanager
    def on_error(self) -> Iterator[None]:
        """Throw the switch when anything is raised within, Ctrl-C included."""
        try:
            yield
        except BaseException:
            self.now()
            raise

    def run(self, act: Callable[[], T]) -> T:
        """Carry out what cannot be cancelled; it is left behind when the request is given up.

        Raises:
            Aborted: that happened.
        """
        outcome: Future[T] = Future()
        thread = threading.Thread(target=_settle, args=(outcome, act), daemon=True)
        with self.holding(outcome.cancel):
            thread.start()
            try:
                return outcome.result()
            except CancelledError as error:
                raise Aborted from error


def _settle(outcome: Future[T], act: Callable[[], T]) -> None:
    with suppress(InvalidStateError):
        try:
            outcome.set_result(act())
        except Exception as error:
            outcome.set_exception(error)
