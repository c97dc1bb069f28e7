"""The end of a study that was started by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable

from framework.errors import PedbenchError


def exit_with(main: Callable[[], int | None], study: str) -> None:
    """Run ``main`` and exit: what it refuses is one line, and exit code 2.

    Args:
        study: its module, which the line begins with.
    """
    try:
        sys.exit(main())
    except PedbenchError as error:
        print(f"{study}: {error}", file=sys.stderr)
        sys.exit(2)
