"""Where a COCO data set keeps its annotation file and its images."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from bench.datasets.coco_format.file import ImageEntry
from framework.errors import PedbenchError, SampleError

ANNOTATION_FILES = (
    "instances.json",
    "labels.json",
    "result.json",
    "annotations.json",
    "_annotations.coco.json",
)
"""Names in use: COCO's, FiftyOne's, Label Studio's, labelme's and Roboflow's."""
URL_PARTS = 2
"""The end of a ``coco_url`` that is a path: split and file."""


def find_annotations(root: Path, given: str | None) -> Path:
    """The annotation file of a folder, or the one that was given.

    Raises:
        PedbenchError: there is none, or several could be meant.
    """
    if given is not None:
        for path in (Path(given).expanduser(), root / given):
            if path.is_file():
                return path
        raise PedbenchError(f"annotation file {given} does not exist: check --annotations")
    for name in ANNOTATION_FILES:
        if (root / name).is_file():
            return root / name
    found = sorted((root / "annotations").glob("*.json"))
    found = [path for path in found if path.name.startswith("instances")] or found
    if len(found) > 1:
        found = [path for path in found if _split_folder(root, path)] or found
    if not found:
        raise PedbenchError(
            f"{root} has no instances.json and no annotations/*.json: give --annotations FILE"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise PedbenchError(f"{root} has several annotation files ({names}): give --annotations")
    return found[0]


def find_images(
    root: Path, annotations: Path, entries: Iterable[ImageEntry], given: str | None
) -> Path:
    """The image folder: the one given, one in use, or ``root`` if an image lies as seen from it.

    Raises:
        PedbenchError: there is none.
    """
    if given is not None:
        for path in (Path(given).expanduser(), root / given):
            if path.is_dir():
                return path
        raise PedbenchError(f"image folder {given} does not exist: check --images")
    split = _split_folder(root, annotations)
    places = [split, root / "images", root / "data"]
    folder = next((place for place in places if place is not None and place.is_dir()), None)
    if folder is not None:
        return folder
    if any(path.is_file() for entry in entries for path in _candidates(entry, root, annotations)):
        return root
    raise PedbenchError(f"{root} has no folder images: give --images DIR")


def find_image(entry: ImageEntry, images: Path, annotations: Path) -> Path:
    """The file of an image.

    Its name counts from the image folder, or else from the folder above it or the annotation
    file's. Wherever it leads, the file must lie in the image folder.

    Raises:
        SampleError: its name leads out of the image folder.
    """
    inside = list(_candidates(entry, images, annotations))
    if not inside:
        raise SampleError(
            f"{annotations}: file name '{entry.file_name}' leads out of the image folder {images}: "
            "write it as seen from there, or give --images DIR"
        )
    return next((path for path in inside if path.is_file()), inside[0])


def _candidates(entry: ImageEntry, images: Path, annotations: Path) -> Iterator[Path]:
    """Where the file may lie within the image folder."""
    home = Path(os.path.abspath(images))
    for name in _spellings(entry):
        for base in (images, home.parent, annotations.parent):
            path = Path(os.path.abspath(base / name))
            if path.is_relative_to(home) and path != home:
                yield images / path.relative_to(home)


def _spellings(entry: ImageEntry) -> list[str]:
    """The file name; of a URL its end; either as it is and with accents composed or apart."""
    names = [entry.file_name]
    if entry.from_url:
        parts = PurePosixPath(entry.file_name).parts
        names = ["/".join(parts[-count:]) for count in (URL_PARTS, 1)]
    forms = [*names, *(unicodedata.normalize(f, name) for f in ("NFC", "NFD") for name in names)]
    return list(dict.fromkeys(forms))


def _split_folder(root: Path, annotations: Path) -> Path | None:
    """The folder of the split that a file such as ``instances_val2017.json`` names."""
    split = annotations.stem.removeprefix("instances").lstrip("_")
    places = (root / "images" / split, root / split) if split else ()
    return next((place for place in places if place.is_dir()), None)
