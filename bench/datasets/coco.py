"""``coco:DIR``: images with one annotation file in COCO format."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from bench.datasets.base import (
    DATASETS,
    Dataset,
    Image,
    Mask,
    Sample,
    SampleError,
    fingerprint,
    stack_masks,
    unknown_image,
)
from bench.datasets.coco_format.file import Annotation, CocoFile, ImageEntry, read_coco
from bench.datasets.coco_format.layout import find_annotations, find_image, find_images
from bench.datasets.decode.masks import decode_segmentation
from bench.datasets.description.about import About, PhotoFile
from framework.errors import PedbenchError, one_line
from framework.files.download import sha256_of
from framework.files.photos import read_photo

CROWD = {"0": False, "false": False, "none": False, "": False, "1": True, "true": True}
"""What ``iscrowd`` may be, written as text."""
REASONS = 3
"""Annotations whose fault is told of one image; the rest are counted."""


@DATASETS.register("coco")
class Coco(Dataset):
    """Instances of a COCO file; crowd annotations are skipped.

    An annotation that cannot be used, covers no pixel or was met before is skipped too, with a
    warning that counts such annotations of the image. An image is called by its file name without
    the ending.

    Args:
        images: folder that the file names are relative to.
        annotations: the JSON file.
        name: of the data set.
        content: of the file, where it has been read.

    Raises:
        PedbenchError: the file is not in COCO format, or two images share an id.
    """

    summary = "COCO format: images and instances with polygons or run lengths"
    usage = "coco:DIR"
    options = frozenset({"images", "annotations"})

    def __init__(
        self, images: Path, annotations: Path, name: str, content: CocoFile | None = None
    ) -> None:
        self.name = name
        self.images = images
        self.annotations: Path = annotations
        self._content = content or read_coco(annotations)
        if self._content.orphans:
            warnings.warn(
                f"{annotations}: {self._content.orphans} annotations belong to no image in it",
                stacklevel=2,
            )

    @classmethod
    def open(cls, argument: str, **options: str) -> Dataset:
        """Find the annotation file and the image folder in the layouts in use."""
        root = Path(argument).expanduser()
        if not argument or not root.is_dir():
            raise PedbenchError(f"coco:{argument}: there is no such folder: give coco:DIR")
        annotations = find_annotations(root, options.get("annotations"))
        content = read_coco(annotations)
        images = find_images(root, annotations, content.images.values(), options.get("images"))
        return cls(images, annotations, f"coco:{root.resolve().name}", content)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._content.images)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.ids, sha256_of(self.annotations))

    @property
    def about(self) -> About:
        """The facts that ``info`` of the file tells, by the names of `About` or by COCO's."""
        info = self._content.info
        usual = {"creators": info.get("contributor", ()), "published": info.get("date_created")}
        return About.of({**usual, "licence": info.get("license"), **info})

    def photo_files(self) -> dict[str, PhotoFile]:
        paths = {
            name: find_image(entry, self.images, self.annotations)
            for name, entry in self._content.images.items()
        }
        home = self.annotations.parent
        return {
            name: PhotoFile(Path(os.path.relpath(path, home)).as_posix(), path)
            for name, path in paths.items()
        }

    def load(self, image_id: str) -> Sample:
        if image_id not in self._content.images:
            raise unknown_image(self, image_id)
        entry = self._content.images[image_id]
        image = self._image(entry)
        masks: dict[str, Mask] = {}
        faults: list[str] = []
        for name, result in self._instances(entry, image):
            if isinstance(result, str):
                faults.append(f"annotation {name} {result}")
            else:
                masks[name] = result
        self._report(entry, faults)
        return Sample(
            image_id=image_id,
            image=image,
            masks=stack_masks(masks.values(), image.shape),
            mask_ids=tuple(masks),
            scene=f"{self.name}/{image_id}",
        )

    def _image(self, entry: ImageEntry) -> Image:
        path = find_image(entry, self.images, self.annotations)
        try:
            declared = entry.declared
        except SampleError as error:
            raise SampleError(f"{self.annotations}: {entry.file_name}: {error}") from error
        image = read_photo(path, orientation=declared)
        height, width = image.shape[:2]
        if declared.width not in (None, width) or declared.height not in (None, height):
            raise SampleError(
                f"{path} is {width}×{height}, but {self.annotations} says "
                f"{declared.width or '?'}×{declared.height or '?'}: mend one of them"
            )
        return image

    def _instances(self, entry: ImageEntry, image: Image) -> Iterator[tuple[str, Mask | str]]:
        """Name and mask of each instance, or what is wrong with it."""
        met: list[Annotation] = []
        names: set[str] = set()
        for number, annotation in enumerate(self._content.annotations.get(entry.key, ())):
            name = str(annotation.get("id", f"#{number}"))
            repeated = name in names
            if repeated and annotation in met:
                yield name, "is there twice"
                continue
            met.append(annotation)
            crowd = is_crowd(annotation)
            if crowd is None:
                yield name, f"has iscrowd {annotation['iscrowd']!r}, which is neither 0 nor 1"
            elif not crowd:
                names.add(name)
                yield f"{name}#{number}" if repeated else name, instance_mask(annotation, image)

    def _report(self, entry: ImageEntry, faults: list[str]) -> None:
        if faults:
            told = "; ".join(faults[:REASONS])
            more = f"; and {len(faults) - REASONS} more" if len(faults) > REASONS else ""
            total = len(self._content.annotations[entry.key])
            warnings.warn(
                f"{self.annotations}: {len(faults)} of {total} annotations of {entry.file_name} "
                f"are skipped: {told}{more}",
                stacklevel=3,
            )


def is_crowd(annotation: Annotation) -> bool | None:
    """Whether an annotation is of a crowd; ``None`` if its ``iscrowd`` means neither."""
    return CROWD.get(str(annotation.get("iscrowd", 0)).strip().lower().removesuffix(".0"))


def instance_mask(annotation: Annotation, image: Image) -> Mask | str:
    """The mask [H, W] of an annotation, or what is wrong with it."""
    try:
        mask = decode_segmentation(annotation.get("segmentation"), *image.shape[:2])
    except (ValueError, TypeError, OverflowError) as error:
        return f"cannot be used ({one_line(error)})"
    return mask if mask.any() else "covers no pixel"
