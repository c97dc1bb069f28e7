"""What a study keeps in its folder, so that it can be stopped and go on."""

from __future__ import annotations

import json
from pathlib import Path

from framework.errors import PedbenchError

NAME = "settings.json"


def same_settings(folder: Path | None, **settings: object) -> None:
    """Note the settings of a study in its folder; go on only with the same.

    Args:
        folder: of the study; nothing is noted without one.
        settings: what its scores depend on, as JSON can hold it.

    Raises:
        PedbenchError: the folder holds scores of other settings.
    """
    if folder is None:
        return
    path, wanted = folder / NAME, json.loads(json.dumps(settings))
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(wanted, indent=1) + "\n")
        return
    try:
        there = json.loads(path.read_text())
    except ValueError as error:
        raise PedbenchError(f"{path} is damaged: delete {folder}, or give another --out") from error
    if other := [name for name in {**there, **wanted} if there.get(name) != wanted.get(name)]:
        raise PedbenchError(
            f"{folder} holds scores with another {', '.join(sorted(other))}: give another --out"
        )
