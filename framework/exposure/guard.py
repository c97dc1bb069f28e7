"""Decides what may leave the edge, and enters it in the ledger before it does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from framework.errors import PedbenchError
from framework.exposure.caps import Caps
from framework.exposure.coverage import Coverage, Limit
from framework.exposure.ledger import Ledger, Send
from framework.exposure.recognise import recognised
from framework.exposure.scene import Box, View

log = logging.getLogger(__name__)

NAMED = 3
"""A message names so many exceeded caps."""

if TYPE_CHECKING:
    from framework.transport.round import Round


class Guard:
    """Keeps every server and every coalition below its cap, over all time.

    Several guards, in several processes, may share one ledger.

    Args:
        ledger: where sends are entered; one that lasts as long as the guard when not given.
        caps: the limits; without any, everything is entered and nothing held back.
    """

    def __init__(self, ledger: Ledger | None = None, caps: Caps | None = None) -> None:
        self.ledger = ledger or Ledger()
        self.caps = caps or Caps()
        self._lock = threading.Lock()
        self._scene: _GuardedScene | None = None
        self._scenes: dict[tuple[str, tuple[int, int]], str] = {}
        self._alike: set[str] = set()
        self._told: set[str] = set()

    def recognise(self, view: View, *, tell: bool = True) -> View:
        """``view`` within the scene under which the ledger counts it.

        A picture that a user gave no name, and that looks like an earlier scene of its size, counts
        as that scene; the log says so, and tells of other scenes that look alike.

        Args:
            tell: False says nothing.

        Raises:
            PedbenchError: the ledger cannot be written, or the scene is known with another size.
        """
        asked = (view.scene, view.scene_size)
        with self._lock:
            if asked not in self._scenes:
                with self.ledger.transaction():
                    found = recognised(self.ledger, view)
                self._scenes[asked] = found.name
                if tell and found.warning and found.earlier not in self._alike:
                    self._alike.add(found.earlier)
                    log.warning("warning: %s", found.warning)
            return replace(view, scene=self._scenes[asked])

    def exceeded(self, view: View) -> str:
        """The caps that are exceeded already, in words; empty if none is.

        Raises:
            PedbenchError: the ledger cannot be written, or the scene is known with another size.
        """
        with self._lock, self.ledger.transaction():
            return self._up_to_date(None, view).excess()

    def admit(
        self,
        round_: Round,
        wanted: Mapping[str, Sequence[int]],
        *,
        all_or_none: bool = False,
        overhearing: Sequence[str] = (),
    ) -> dict[str, list[int]]:
        """Enter in the ledger what may leave, and return it.

        Args:
            round_: the round that the windows belong to.
            wanted: windows by name of the server.
            all_or_none: admit all windows or none, and then enter none.
            overhearing: who else sees every window, whatever server it goes to; each is entered
                and bounded like a server.

        Returns:
            Windows by server, without servers that get none.

        Raises:
            PedbenchError: the ledger cannot be written, or the scene is known with another size.
        """
        if round_.view is None:
            raise PedbenchError("a guard must know where the picture lies: give the round a view")
        with self._lock:
            scene, self._scene = self._scene, None
            with self.ledger.transaction():
                scene = self._up_to_date(scene, round_.view, (round_.session, round_.request))
                scene.expect([*wanted, *overhearing])
                going = [
                    (server, window, box)
                    for server, window, box in _boxes(round_, round_.view, wanted)
                    if scene.admits((server, *overhearing), box)
                ]
                if all_or_none and len(going) < sum(map(len, wanted.values())):
                    return {}
                self.ledger.enter(
                    _send(round_, round_.view, name, window, box)
                    for server, window, box in going
                    for name in (server, *overhearing)
                )
                scene.last = self.ledger.last()
            self._scene = scene
        admitted: dict[str, list[int]] = {}
        for server, window, _ in going:
            admitted.setdefault(server, []).append(window)
        return admitted

    def _up_to_date(
        self, scene: _GuardedScene | None, view: View, picture: tuple[str, int] | None = None
    ) -> _GuardedScene:
        """The scene's state with all that was entered, by other processes too.

        Where caps hold over a sliding window, each picture begins one of its own.
        """
        picture = picture if self.caps.frames else None
        known = None if scene is None else (scene.name, scene.coverage.size, scene.picture)
        if scene is None or known != (view.scene, view.scene_size, picture):
            self.ledger.open_scene(view.scene, view.scene_size)
            frames = self.caps.frames
            after = self.ledger.before(view.scene, frames, picture) if frames else 0
            coverage = self.ledger.coverage(view.scene, after)
            scene = _GuardedScene(view.scene, coverage, self.caps, picture)
            self._tell(scene)
            return scene
        for server, box in self.ledger.seen(view.scene, after=scene.last):
            scene.enter(server, box)
        return scene

    def _tell(self, scene: _GuardedScene) -> None:
        """Say once for each scene that caps are exceeded already."""
        excess = scene.excess()
        if excess and scene.name not in self._told:
            self._told.add(scene.name)
            log.warning(
                "warning: caps of scene '%s' are exceeded already: %s; nothing more of it leaves "
                "that these caps forbid",
                scene.name,
                excess,
            )


class _GuardedScene:
    """One scene: what was seen of it, and how much more may be."""

    def __init__(
        self, name: str, coverage: Coverage, caps: Caps, picture: tuple[str, int] | None = None
    ) -> None:
        self.name = name
        self.picture = picture
        self.coverage = coverage
        self.caps = caps
        self.last = 0
        self.limits: Sequence[Limit] = caps.limits(coverage, sorted(coverage.seen))

    def excess(self) -> str:
        """The caps that are exceeded, in words; empty if none is."""
        found = [text for text in (limit.excess() for limit in self.limits) if text]
        more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
        return ", ".join(found[:NAMED]) + more

    def expect(self, servers: Iterable[str]) -> None:
        """Take up servers that have seen nothing yet."""
        new = set(servers) - set(self.coverage.seen)
        if new:
            for server in new:
                self.coverage.of(server)
            self.limits = self.caps.limits(self.coverage, sorted(self.coverage.seen))

    def admits(self, servers: Sequence[str], box: Box) -> bool:
        """Whether all of these may see ``box``; if so, it counts as seen."""
        for limit in self.limits:
            gains = [limit.gain(server, box) for server in servers]
            together = limit.together(gains)
            pairs = zip(servers, gains, strict=True)
            if any(gain and not limit.allows(server, together) for server, gain in pairs):
                return False
        for server in servers:
            self._count(server, box)
        return True

    def enter(self, server: str, box: Box) -> None:
        """Count as seen what another process has sent."""
        self.expect([server])
        self._count(server, box)

    def _count(self, server: str, box: Box) -> None:
        for limit in self.limits:
            limit.enter(server, limit.gain(server, box))
        self.coverage.add(server, box)


def _send(round_: Round, view: View, server: str, window: int, box: Box) -> Send:
    return Send(round_.session, view.scene, round_.request, round_.blocks[0], server, window, box)


def _boxes(
    round_: Round, view: View, wanted: Mapping[str, Sequence[int]]
) -> Iterator[tuple[str, int, Box]]:
    """Server, window and the scene pixels that it shows."""
    for server, windows in wanted.items():
        for window in windows:
            yield server, window, view.box(round_.grid, round_.grid.windows[window])
