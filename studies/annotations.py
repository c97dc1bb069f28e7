"""The annotations of COCO data sets, which name categories; masks alone do not."""

from __future__ import annotations

import json
from typing import Any

from bench.datasets import Dataset
from framework.errors import PedbenchError


def annotations_of(data: Dataset) -> dict[str, Any]:
    """The content of a data set's COCO file.

    Raises:
        PedbenchError: it has none.
    """
    if data.annotations is None:
        raise PedbenchError(f"{data.name} has no categories: give coco:DIR")
    return dict(json.loads(data.annotations.read_text()))
