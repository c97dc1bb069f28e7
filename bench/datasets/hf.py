"""``hf:NAME``: data sets that the library ``datasets`` reads, from the hub or a local folder."""

from __future__ import annotations

import hashlib
import json
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

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
from bench.datasets.coco import instance_mask, is_crowd
from bench.datasets.decode.mask_pictures import read_labels, read_mask
from framework.errors import PedbenchError
from framework.files.photos import read_photo

MASK_COLUMNS = ("masks", "objects", "mask", "label")
SPLITS = ("validation", "val", "test", "train")
FINGERPRINT_ROWS = 64


@DATASETS.register("hf")
class HuggingFace(Dataset):
    """Rows with a column ``image`` and one of these, in this order.

    * ``masks``: a list of mask pictures, one an instance;
    * ``objects``: COCO-like, with ``segmentation`` (and ``iscrowd``, which is skipped);
    * ``mask`` or ``label``: one picture; each value but 0 is an instance.

    Photos and mask pictures are read by the rules of docs/data.md.

    Pictures stay encoded until their row is loaded. An image is called by its row number.

    Args:
        table: a `datasets.Dataset`.
        name: of the data set.

    Raises:
        PedbenchError: it has other columns.
    """

    summary = "Hugging Face datasets: hub, parquet, imagefolder or save_to_disk folder"
    usage = "hf:NAME[@SPLIT]"

    def __init__(self, table: Any, name: str) -> None:
        self.name = name
        self.column = _mask_column(table, name)
        self._table = _undecoded(table.select_columns(["image", self.column]))

    @classmethod
    def open(cls, argument: str, **options: str) -> Dataset:
        """Without a split: validation, test or train, whichever is there first."""
        source, _, split = argument.partition("@")
        if not source:
            raise PedbenchError(f"hf: needs a name: give {cls.usage}")
        try:
            table, split = _read(source, split)
        except PedbenchError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise PedbenchError(
                f"hf:{source} cannot be opened ({reason}): check the name and the network"
            ) from error
        return cls(table, f"hf:{Path(source).name if _is_local(source) else source}@{split}")

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"{row:06d}" for row in range(len(self._table)))

    @cached_property
    def fingerprint(self) -> str:
        """Over the number of rows and the content of up to 64 rows spread over them."""
        count = len(self._table)
        digest = hashlib.sha256()
        for row in np.unique(np.linspace(0, count - 1, FINGERPRINT_ROWS).astype(int)):
            _update(digest, self._table[int(row)] if count else None)
        return fingerprint(count, self.column, digest.hexdigest())

    def load(self, image_id: str) -> Sample:
        number = int(image_id) if image_id.isdecimal() else -1
        if f"{number:06d}" != image_id or number >= len(self._table):
            raise unknown_image(self, image_id)
        where = f"row {number} of {self.name}"
        row = self._table[number]
        image = read_photo(*_stored(row["image"], f"'image' in {where}"))
        content = row[self.column]
        masks = {name: mask for name, mask in self._masks(content, image, where) if mask.any()}
        for name, mask in masks.items():
            if mask.shape != image.shape[:2]:
                raise SampleError(
                    f"mask {name} in {where} is {mask.shape}, its image {image.shape[:2]}"
                )
        return Sample(
            image_id=image_id,
            image=image,
            masks=stack_masks(masks.values(), image.shape),
            mask_ids=tuple(masks),
            scene=f"{self.name}/{image_id}",
        )

    def _masks(self, content: Any, image: Image, where: str) -> list[tuple[str, Mask]]:
        if content is None:
            return []
        if self.column == "masks":
            pictures = [_stored(cell, f"in 'masks' of {where}") for cell in content]
            return [(str(n), read_mask(*picture)) for n, picture in enumerate(pictures)]
        if self.column == "objects":
            return _object_masks(content, image, where)
        values = read_labels(*_stored(content, f"'{self.column}' in {where}"))
        return [(str(value), values == value) for value in np.unique(values) if value]


def _library() -> Any:
    import datasets  # takes 1 s to load, and few runs need it

    return datasets


def _read(source: str, split: str) -> tuple[Any, str]:
    """The table and the name of its split."""
    datasets = _library()
    if not _is_local(source):
        split = split or _choose(datasets.get_dataset_split_names(source), source, split)
        return datasets.load_dataset(source, split=split), split
    path = Path(source).expanduser()
    if not path.exists():
        raise PedbenchError(f"hf:{source}: there is no such folder or file: give hf:NAME")
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        found = datasets.load_from_disk(str(path))
    elif path.is_file():
        found = datasets.load_dataset("parquet", data_files=str(path))
    else:
        found = datasets.load_dataset(str(path))
    if isinstance(found, datasets.Dataset):
        return found, str(found.split or "all")
    split = _choose(list(found), source, split)
    return found[split], split


def _is_local(source: str) -> bool:
    return source.startswith((".", "/", "~")) or Path(source).exists()


def _choose(splits: list[str], source: str, wanted: str) -> str:
    if wanted and wanted not in splits:
        raise PedbenchError(f"hf:{source} has no split '{wanted}': it has {', '.join(splits)}")
    return wanted or next((split for split in SPLITS if split in splits), splits[0])


def _mask_column(table: Any, name: str) -> str:
    """The column that holds masks."""
    datasets, features = _library(), table.features
    pictures = {column for column, kind in features.items() if isinstance(kind, datasets.Image)}
    for column in MASK_COLUMNS:
        fits = {
            "masks": isinstance(getattr(features.get(column), "feature", None), datasets.Image),
            "objects": "segmentation" in _fields(features.get(column)),
        }
        if "image" in pictures and fits.get(column, column in pictures):
            return column
    found = ", ".join(f"{column} ({_describe(kind)})" for column, kind in features.items())
    raise PedbenchError(
        f"{name} has the columns {found}: needed are 'image' and 'masks' (a list of pictures), "
        "'objects' with 'segmentation', or a picture 'mask' or 'label'; rename them so"
    )


def _fields(kind: Any) -> dict[str, Any]:
    """Fields of a list of structures, in either form that `datasets` has for it."""
    inner = getattr(kind, "feature", kind)
    return inner if isinstance(inner, dict) else {}


def _describe(kind: Any) -> str:
    fields = _fields(kind)
    return f"with {', '.join(fields)}" if fields else type(kind).__name__


def _undecoded(table: Any) -> Any:
    """The table with its pictures left as stored bytes or paths."""
    datasets = _library()
    raw = datasets.Image(decode=False)
    for column, kind in table.features.items():
        if isinstance(kind, datasets.Image):
            table = table.cast_column(column, raw)
        elif isinstance(getattr(kind, "feature", None), datasets.Image):
            table = table.cast_column(column, type(kind)(raw))
    return table


def _stored(cell: Any, where: str) -> tuple[Path | bytes, str]:
    """Source and name, as `read_photo` takes them, of an undecoded picture."""
    if not cell or (cell.get("bytes") is None and not cell.get("path")):
        raise SampleError(f"picture {where} is empty: fill it or drop the row")
    path = cell.get("path")
    name = f"{path} ({where})" if path else where
    return (cell["bytes"] if cell.get("bytes") is not None else Path(path)), name


def _object_masks(objects: Any, image: Image, where: str) -> list[tuple[str, Mask]]:
    if isinstance(objects, dict):
        keys = [key for key, values in objects.items() if values is not None]
        objects = [
            dict(zip(keys, values, strict=False))
            for values in zip(*(objects[key] for key in keys), strict=False)
        ]
    masks: list[tuple[str, Mask]] = []
    faults: list[str] = []
    for number, instance in enumerate(objects):
        crowd = is_crowd(instance)
        if crowd:
            continue
        mask = "has no known iscrowd" if crowd is None else instance_mask(instance, image)
        if isinstance(mask, str):
            faults.append(f"object {number} {mask}")
        else:
            masks.append((str(number), mask))
    if faults:
        skipped = f"{len(faults)} of {len(objects)} objects are skipped"
        warnings.warn(f"{where}: {skipped}: {faults[0]}", stacklevel=4)
    return masks


def _update(digest: Any, value: Any) -> None:
    """Add a row's content, with pictures by content even where a path is stored."""
    if isinstance(value, dict):
        path = value.get("path")
        if "bytes" in value and value["bytes"] is None and path and Path(path).is_file():
            value = {"bytes": Path(path).read_bytes()}
        elif "bytes" in value:
            value = {"bytes": value["bytes"]}
        for key in sorted(value):
            digest.update(key.encode())
            _update(digest, value[key])
    elif isinstance(value, (list, tuple)):
        digest.update(str(len(value)).encode())
        for item in value:
            _update(digest, item)
    else:
        digest.update(value if isinstance(value, bytes) else json.dumps(value).encode())
