"""``coco:DIR``: images with one annotation file in COCO format."""

from __future__ import annotations

import json
import warnings
from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from bench.datasets.base import (
    DATASETS,
    Dataset,
    Image,
    Mask,
    Sample,
    SampleError,
    file_sha256,
    fingerprint,
    stack_masks,
    unknown_image,
)
from bench.datasets.masks import decode_segmentation
from framework.errors import PedbenchError
from framework.photos import Declared, read_photo

ANNOTATION_FILES = ("instances.json", "labels.json", "_annotations.coco.json")


@DATASETS.register("coco")
class Coco(Dataset):
    """Instances of a COCO file; crowd annotations and those that cover no pixel are skipped.

    An image is called by its file name without the ending.

    Args:
        images: folder that the file names are relative to.
        annotations: the JSON file.
        name: of the data set.

    Raises:
        PedbenchError: the file is not in COCO format.
    """

    summary = "COCO format: images and instances with polygons or run lengths"
    usage = "coco:DIR"
    options = frozenset({"images", "annotations"})

    def __init__(self, images: Path, annotations: Path, name: str) -> None:
        self.name = name
        self.images = images
        self.annotations = annotations
        content = _read_json(annotations)
        self._entries = _by_id(content["images"], annotations)
        self._instances: dict[int, list[dict[str, Any]]] = defaultdict(list)
        known = {entry["id"] for entry in self._entries.values()}
        for instance in content["annotations"]:
            if isinstance(instance, dict) and instance.get("image_id") in known:
                self._instances[instance["image_id"]].append(instance)
        self._report_orphans(len(content["annotations"]))

    @classmethod
    def open(cls, argument: str, **options: str) -> Dataset:
        """Find the annotation file and the image folder in the layouts in use."""
        root = Path(argument).expanduser()
        if not argument or not root.is_dir():
            raise PedbenchError(f"coco:{argument}: there is no such folder: give coco:DIR")
        annotations = _find_annotations(root, options.get("annotations"))
        images = _find_images(root, annotations, options.get("images"))
        return cls(images, annotations, f"coco:{root.resolve().name}")

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._entries)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.ids, file_sha256(self.annotations))

    def load(self, image_id: str) -> Sample:
        if image_id not in self._entries:
            raise unknown_image(self, image_id)
        entry = self._entries[image_id]
        declared = Declared(entry.get("width"), entry.get("height"))
        image = read_photo(self.images / entry["file_name"], orientation=declared)
        self._check_size(entry, image)
        masks: dict[str, Mask] = {}
        for number, instance in enumerate(self._instances.get(entry["id"], ())):
            if not instance.get("iscrowd"):
                mask = self._mask(instance, entry, image)
                name = str(instance.get("id", f"#{number}"))
                if mask.any():
                    masks[f"{name}#{number}" if name in masks else name] = mask
        return Sample(
            image_id=image_id,
            image=image,
            masks=stack_masks(masks.values(), image.shape),
            mask_ids=tuple(masks),
            scene=f"{self.name}/{image_id}",
        )

    def _mask(self, instance: dict[str, Any], entry: dict[str, Any], image: Image) -> Mask:
        try:
            return decode_segmentation(instance.get("segmentation"), *image.shape[:2])
        except (ValueError, TypeError, OverflowError) as error:
            raise SampleError(
                f"{self.annotations}: annotation {instance.get('id')} of {entry['file_name']} "
                f"cannot be used ({error}): mend or remove it"
            ) from error

    def _check_size(self, entry: dict[str, Any], image: Image) -> None:
        height, width = image.shape[:2]
        said = entry.get("width", width), entry.get("height", height)
        if said != (width, height):
            raise SampleError(
                f"{self.images / entry['file_name']} is {width}×{height}, but {self.annotations} "
                f"says {said[0]}×{said[1]}: mend one of them"
            )

    def _report_orphans(self, total: int) -> None:
        orphans = total - sum(map(len, self._instances.values()))
        if orphans:
            warnings.warn(
                f"{self.annotations}: {orphans} annotations belong to no image in it", stacklevel=3
            )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise PedbenchError(f"{path} is not a JSON file ({reason}): replace it") from error
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    ):
        raise PedbenchError(
            f"{path} lacks the lists 'images' and 'annotations' of COCO instances: give another "
            "file with --annotations"
        )
    return content


def _by_id(entries: list[Any], path: Path) -> dict[str, dict[str, Any]]:
    """Image entries by name: the file's, or the number where two files would share a name."""
    for entry in entries:
        if not isinstance(entry, dict) or "id" not in entry or not entry.get("file_name"):
            raise PedbenchError(f"{path}: an image lacks 'id' or 'file_name': mend the entry")
    names = [_stem(entry["file_name"]) for entry in entries]
    shared = {name for name, count in Counter(names).items() if count > 1}
    named = {
        str(entry["id"]) if name in shared or ".." in name else name: entry
        for name, entry in zip(names, entries, strict=True)
    }
    if len(named) < len(entries):
        raise PedbenchError(f"{path}: two images have the same 'id': number them anew")
    return named


def _stem(file_name: str) -> str:
    return PurePosixPath(file_name.replace("\\", "/")).with_suffix("").as_posix().lstrip("/")


def _find_annotations(root: Path, given: str | None) -> Path:
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


def _split_folder(root: Path, annotations: Path) -> Path | None:
    """The folder of the split that a file such as ``instances_val2017.json`` names."""
    split = annotations.stem.removeprefix("instances").lstrip("_")
    places = (root / "images" / split, root / split) if split else ()
    return next((place for place in places if place.is_dir()), None)


def _find_images(root: Path, annotations: Path, given: str | None) -> Path:
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
    if annotations.parent == root and any(root.glob("*.[jp][pn]*g")):
        return root
    raise PedbenchError(f"{root} has no folder images: give --images DIR")
