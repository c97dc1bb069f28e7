"""A slider over whole numbers that says what it stands at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import events, ui


class Slider:
    """Whole numbers from 1.

    Args:
        name: what is counted.
        most: the largest.
        chosen: to begin with.
        changed: called once a visitor has let go.

    Attributes:
        chosen: the number it stands at.
    """

    def __init__(
        self, name: str, most: int, chosen: int, changed: Callable[[], Awaitable[None]]
    ) -> None:
        self.name, self.most, self.chosen = name, most, chosen
        self._changed = changed
        self._label = ui.label()
        self._input = ui.element("input").props(f'type=range min=1 aria-label="{name}"')
        self._input.on("change", self._take, js_handler="event => emit(event.target.value)")
        self._show()

    def limit(self, most: int) -> None:
        """Go no further than ``most``."""
        self.most, self.chosen = most, min(self.chosen, most)
        self._show()

    async def _take(self, event: events.GenericEventArguments) -> None:
        self.chosen = int(event.args)
        self._show()
        await self._changed()

    def _show(self) -> None:
        self._input.props(f"max={self.most} value={self.chosen}")
        self._label.text = f"{self.name}: {self.chosen} of {self.most}"
