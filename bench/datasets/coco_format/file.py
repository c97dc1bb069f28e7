"""Reading a COCO file: image entries checked one by one, annotations by their image."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from framework.errors import PedbenchError, SampleError, one_line
from framework.files.photos import Declared

Annotation = dict[str, Any]
WHOLE = re.compile(r"(0|-?[1-9][0-9]{0,17})([.]0+)?")


@dataclass(frozen=True)
class ImageEntry:
    """One image of a COCO file.

    Attributes:
        key: its ``id`` as text, so that ``7``, ``7.0`` and ``"7"`` are one.
        file_name: where the file says that it lies, with forward slashes, or as in the URL.
        from_url: whether there is a ``coco_url`` only, as in LVIS.
        width, height: as the file has them.
    """

    key: str
    file_name: str
    from_url: bool
    width: object
    height: object

    @property
    def stem(self) -> str:
        """The file name without its ending."""
        return PurePosixPath(self.file_name).with_suffix("").as_posix().lstrip("/")

    @property
    def declared(self) -> Declared:
        """The declared size; ``None`` for what is missing, null or 0.

        Raises:
            SampleError: it is no whole number.
        """
        return Declared(self._pixels("width"), self._pixels("height"))

    def _pixels(self, side: str) -> int | None:
        value = getattr(self, side)
        if value is None or value == "":
            return None
        number = whole_number(value)
        if number is None or number < 0:
            raise SampleError(f"{side} {value!r} is no number of pixels: mend or remove it")
        return number or None


@dataclass(frozen=True)
class CocoFile:
    """What a COCO file holds.

    Attributes:
        images: entries by the name that the data set gives them.
        annotations: of each image, by its key.
        orphans: number of annotations that belong to no image.
        info: what the file says of itself, as it stands there.
    """

    images: dict[str, ImageEntry]
    annotations: dict[str, list[Annotation]]
    orphans: int
    info: dict[str, Any] = field(default_factory=dict)


def read_coco(path: Path) -> CocoFile:
    """Read and check a COCO file.

    Raises:
        PedbenchError: it is not in COCO format, or two images share an id.
    """
    content = _read_json(path)
    entries = [_entry(item, n, path) for n, item in enumerate(content["images"])]
    _check_unique(entries, path)
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    keys = {entry.key for entry in entries}
    for item in content["annotations"]:
        key = id_text(item.get("image_id")) if isinstance(item, dict) else None
        if key is not None and key in keys:
            annotations[key].append(item)
    orphans = len(content["annotations"]) - sum(map(len, annotations.values()))
    info = content.get("info")
    info = info if isinstance(info, dict) else {}
    return CocoFile(_by_name(entries, path), annotations, orphans, info)


def id_text(value: object) -> str | None:
    """An id as text; ``None`` if it is neither a whole number nor text."""
    number = whole_number(value)
    if number is not None:
        return str(number)
    return value if isinstance(value, str) and value else None


def whole_number(value: object) -> int | None:
    """A whole number out of JSON, also one written as text or with a decimal point."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise PedbenchError(f"{path} is not a JSON file ({one_line(error)}): replace it") from error
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    ):
        raise PedbenchError(
            f"{path} lacks the lists 'images' and 'annotations' of COCO instances: give another "
            "file with --annotations"
        )
    return content


def _entry(item: object, number: int, path: Path) -> ImageEntry:
    if not isinstance(item, dict):
        raise PedbenchError(f"{path}: image entry {number} is no object: mend it")
    key = id_text(item.get("id"))
    name, url = item.get("file_name"), item.get("coco_url")
    from_url = not name and isinstance(url, str)
    if from_url:
        name = unquote(urlsplit(url).path).lstrip("/")
    if key is None or not isinstance(name, str) or not PurePosixPath(_forward(name)).name:
        raise PedbenchError(
            f"{path}: image entry {number} lacks 'id' or 'file_name' (or 'coco_url'): mend it"
        )
    return ImageEntry(key, _forward(name), from_url, item.get("width"), item.get("height"))


def _forward(name: str) -> str:
    """A path with forward slashes, as Windows' tools do not write it."""
    return name.replace("\\", "/")


def _check_unique(entries: list[ImageEntry], path: Path) -> None:
    by_key: dict[str, str] = {}
    for entry in entries:
        if entry.key in by_key:
            raise PedbenchError(
                f"{path}: two images have the id {entry.key} ({by_key[entry.key]} and "
                f"{entry.file_name}), so that masks cannot be told apart: number them anew"
            )
        by_key[entry.key] = entry.file_name


def _by_name(entries: list[ImageEntry], path: Path) -> dict[str, ImageEntry]:
    """Entries by the stem of the file, or by id where two stems are alike or lead upwards."""
    shared = {stem for stem, count in Counter(e.stem for e in entries).items() if count > 1}
    named: dict[str, ImageEntry] = {}
    for entry in entries:
        numbered = entry.stem in shared or ".." in entry.stem
        name = entry.key if numbered else entry.stem
        if name in named:
            raise PedbenchError(f"{path}: two images would be called '{name}': rename a file")
        named[name] = entry
    return named
