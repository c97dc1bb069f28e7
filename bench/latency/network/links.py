"""Links between the edge and the network its servers are on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from framework.errors import PedbenchError, unknown_name


@dataclass(frozen=True)
class Link:
    """The edge's only way out; all servers share it, each direction has its full bandwidth.

    Attributes:
        name: as tables show it.
        delay_ms: one way, milliseconds; a round trip takes twice as long.
        mbps: bandwidth of each direction, 10⁶ bits a second; infinite where nothing limits it.
    """

    name: str
    delay_ms: float
    mbps: float

    @property
    def rtt(self) -> float:
        """Seconds there and back, without the time on the wire."""
        return 2 * self.delay_ms / 1000

    def seconds(self, rounds: int, nbytes: float) -> float:
        """The link model: one round trip after the other, and every byte alone on the wire."""
        return rounds * self.rtt + nbytes * 8e-6 / self.mbps


DIRECT = Link("none", 0.0, float("inf"))
"""Edge and servers on one machine with nothing between them."""

LINKS = {
    link.name: link
    for link in (
        Link("lan", 1, 1000),
        Link("wifi", 5, 100),
        Link("wan", 20, 100),
        Link("mobile", 40, 20),
    )
}


def read_link(entry: str | Mapping[str, Any]) -> Link:
    """A link from YAML: a known name, or ``name``, ``delay_ms`` and ``mbps``.

    Raises:
        PedbenchError: it is neither, or a number makes no sense.
    """
    if isinstance(entry, str):
        if entry not in LINKS:
            raise unknown_name("link", entry, LINKS)
        return LINKS[entry]
    try:
        link = Link(str(entry["name"]), float(entry["delay_ms"]), float(entry["mbps"]))
    except (KeyError, TypeError, ValueError) as error:
        raise PedbenchError(
            f"{entry} is not a link: give a name, or name, delay_ms and mbps"
        ) from error
    if link.name == DIRECT.name or not (0 <= link.delay_ms < 10_000 and 0 < link.mbps < 1e6):
        raise PedbenchError(
            f"link {link.name} of {link.delay_ms:g} ms and {link.mbps:g} Mb/s: give another name "
            f"than '{DIRECT.name}', 0 to 10 s, and a bandwidth above 0"
        )
    return link
