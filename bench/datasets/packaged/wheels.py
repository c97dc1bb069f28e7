"""Files inside installed packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def wheel_file(inside: str) -> Path | None:
    """The file at a path such as ``skimage/data/moon.png``; None when it is not installed."""
    package, _, rest = inside.partition("/")
    spec = find_spec(package)
    places = (spec.submodule_search_locations or []) if spec else []
    return next((path for place in places if (path := Path(place) / rest).is_file()), None)
