"""Whether anything can be read on street signs at all, before any window is taken away.

    python -m studies.recognition.street_signs coco:../shared/data/street_train

RapidOCR reads each photo that shows a sign, in its own size and as the model's input. Prints how
many signs there are, how large they are, and how many lines are read in the photo and on its signs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from segment_anything.utils.transforms import ResizeLongestSide
from tqdm import tqdm

from bench.datasets import Dataset, open_dataset
from bench.metrics.base import Image
from bench.recognition.boxes import Boxes, areas, as_boxes, intersections
from bench.recognition.text.reading import OVERLAP
from bench.recognition.text.text import SURE, Reading
from framework.errors import PedbenchError
from framework.models.named import architecture
from studies.annotations import annotations_of
from studies.command import exit_with
from studies.table import write_table

SIGN = "sign"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="coco:DIR with the category 'sign'")
    parser.add_argument("--model", default="tiny", help="whose input size counts")
    parser.add_argument("--out", type=Path, help="folder for the table")
    options = parser.parse_args(arguments)
    if reason := Reading.available():
        raise PedbenchError(reason)
    rows = pd.DataFrame(read(open_dataset(options.data), architecture(options.model).img_size))
    write_table(summary(rows), "street_signs", "Lines read on street signs", options.out)
    return 0


def read(data: Dataset, side: int) -> Iterator[dict[str, object]]:
    """One row a photo with signs and size: the signs, their sides, and the lines read.

    Raises:
        PedbenchError: the data set has no signs.
    """
    signs = sign_boxes(data)
    reader, resize = Reading(), ResizeLongestSide(side)
    for image_id in tqdm(sorted(signs), desc=data.name, unit="photo"):
        photo = data.load(image_id).image
        for size, picture in (("photo", photo), ("model input", resize.apply_image(photo))):
            boxes = signs[image_id] * (picture.shape[1] / photo.shape[1])
            found = lines(reader, picture)
            yield {
                "size": size,
                "signs": len(boxes),
                "sides": np.sqrt(areas(boxes)).tolist(),
                "lines": len(found),
                "on_signs": on_signs(found, boxes),
            }


def sign_boxes(data: Dataset) -> dict[str, Boxes]:
    """Boxes of the signs of each photo that shows any, in its pixels."""
    content = annotations_of(data)
    wanted = {each["id"] for each in content["categories"] if each["name"] == SIGN}
    names = {each["id"]: Path(each["file_name"]).stem for each in content["images"]}
    found: dict[str, list[list[float]]] = {}
    for each in content["annotations"]:
        if each["category_id"] in wanted:
            x, y, width, height = each["bbox"]
            found.setdefault(names[each["image_id"]], []).append([x, y, x + width, y + height])
    if not found:
        raise PedbenchError(f"{data.name} has no category '{SIGN}': give street_train")
    return {name: as_boxes(boxes) for name, boxes in found.items()}


def lines(reader: Reading, picture: Image) -> Boxes:
    """Boxes of the lines that are read with confidence."""
    return reader.read(picture, (picture.shape[0], picture.shape[1]), SURE).boxes


def on_signs(found: Boxes, signs: Boxes) -> int:
    """How many signs have a line on them."""
    cover = intersections(signs, found) / np.maximum(areas(found), 1)[None]
    return int((cover >= OVERLAP).any(axis=1).sum())


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a size, over all photos."""
    return pd.DataFrame(
        {
            "size": size,
            "photos": len(part),
            "signs": part["signs"].sum(),
            "median side, px": np.median(np.concatenate(list(part["sides"]))),
            "lines read": part["lines"].sum(),
            "signs with a line": part["on_signs"].sum(),
        }
        for size, part in rows.groupby("size")
    )


if __name__ == "__main__":
    exit_with(main, "studies.recognition.street_signs")
