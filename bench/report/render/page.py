"""What HTML reports are made with: templates, and pictures that stand in the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, Template, select_autoescape
from numpy.typing import NDArray
from PIL import Image as Pillow


def page_template(name: str) -> Template:
    """A template of ``bench/report/render/templates``, whose values are escaped."""
    environment = Environment(
        loader=PackageLoader("bench.report.render"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def few_colours(png: bytes) -> bytes:
    """A figure's PNG in 128 colours, which are enough for lines and flat areas."""
    with Pillow.open(io.BytesIO(png)) as picture:
        flat = picture.convert("RGB").quantize(128, dither=Pillow.Dither.NONE)
    packed = io.BytesIO()
    flat.save(packed, format="PNG", compress_level=9)
    return packed.getvalue()


def figure_uri(png: bytes) -> str:
    """A PNG as a data URI."""
    return _uri("png", png)


def photo_uri(picture: NDArray[np.uint8], lossless: bool = False) -> str:
    """A photo, uint8 [h, w, 3], as a WebP data URI."""
    buffer = io.BytesIO()
    Pillow.fromarray(picture).save(buffer, format="WEBP", quality=88, method=4, lossless=lossless)
    return _uri("webp", buffer.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def flat_facts(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Names in words with their values; facts within facts one after the other."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from flat_facts(value, f"{prefix}{name}: ")
        else:
            yield prefix + name.replace("_", " "), str(value)
