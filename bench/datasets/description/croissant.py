"""Croissant metadata of a data set, with the responsible-AI fields.

Akhtar et al., Croissant: A Metadata Format for ML-Ready Datasets, NeurIPS 2024, datasets and
benchmarks; formats 1.0 of http://mlcommons.org/croissant/ and http://mlcommons.org/croissant/RAI/.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterator
from typing import Any

from bench.datasets.base import Dataset
from bench.datasets.description.about import About, PhotoFile
from framework.files.download import sha256_of

Json = dict[str, Any]

FORMATS = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")
_CR = (
    *("column", "extract", "field", "fileObject", "fileProperty", "fileSet", "format", "includes"),
    *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references"),
    *("regex", "repeated", "replace", "separator", "source", "subField", "transform", "citeAs"),
    *("equivalentProperty", "samplingRate"),
)
CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _CR},
}
RESPONSIBLE = {
    "collection": "rai:dataCollection",
    "annotation": "rai:dataAnnotationProtocol",
    "limitations": "rai:dataLimitations",
    "biases": "rai:dataBiases",
    "personal": "rai:personalSensitiveInformation",
    "uses": "rai:dataUseCases",
    "impact": "rai:dataSocialImpact",
    "maintenance": "rai:dataReleaseMaintenancePlan",
}
"""Facts of `About` and their names there."""
GENERAL = {
    "licence": "license",
    "url": "url",
    "version": "version",
    "published": "datePublished",
    "cite_as": "citeAs",
}
MASKS = "masks.json"


def croissant(dataset: Dataset) -> Json:
    """The metadata as JSON-LD; facts that are not told are left out.

    Raises:
        SampleError: the file of a photo is missing.
    """
    about = dataset.about
    people = [{"@type": "sc:Organization", "name": name} for name in about.creators]
    files = dataset.photo_files()
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": re.sub(r"[^\w.-]+", "-", dataset.name),
        "description": _description(dataset),
        "conformsTo": list(FORMATS),
        **_told(about, GENERAL),
        **({"creator": people} if people else {}),
        **_told(about, RESPONSIBLE),
        "distribution": list(_distribution(dataset, files)),
        "recordSet": list(_record_sets(dataset, files)),
    }


def to_text(metadata: Json) -> str:
    """The text of a metadata file."""
    return json.dumps(metadata, indent=1, ensure_ascii=False) + "\n"


def _description(dataset: Dataset) -> str:
    told = dataset.about.description or dataset.summary
    return f"{told} ({len(dataset)} images, fingerprint {dataset.fingerprint})"


def _told(about: About, names: dict[str, str]) -> Json:
    values = {name: getattr(about, fact) for fact, name in names.items()}
    return {name: value for name, value in values.items() if value}


def _distribution(dataset: Dataset, files: dict[str, PhotoFile]) -> Iterator[Json]:
    if dataset.annotations is not None:
        yield {
            "@type": "cr:FileObject",
            "@id": MASKS,
            "name": MASKS,
            "contentUrl": dataset.annotations.name,
            "encodingFormat": "application/json",
            "sha256": sha256_of(dataset.annotations),
        }
    for image_id, file in files.items():
        yield {
            "@type": "cr:FileObject",
            "@id": f"photos/{image_id}",
            "name": image_id,
            "contentUrl": file.url,
            "encodingFormat": mimetypes.guess_type(file.url)[0] or "application/octet-stream",
            "sha256": sha256_of(file.path),
        }


def _record_sets(dataset: Dataset, files: dict[str, PhotoFile]) -> Iterator[Json]:
    rows = [
        {"images/id": image_id, "images/file": files[image_id].url if image_id in files else ""}
        for image_id in dataset.ids
    ]
    yield {
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "description": "The photos, by the names that records of runs give them.",
        "key": {"@id": "images/id"},
        "field": [
            _field("images/id", "Name of the photo."),
            _field("images/file", "Its file; empty where it is made or read by a package."),
        ],
        "data": rows,
    }
    if dataset.annotations is not None:
        yield {
            "@type": "cr:RecordSet",
            "@id": "masks",
            "name": "masks",
            "description": "The masks of the COCO file, with the number of their photo.",
            "field": [
                _field("masks/id", "Number of the mask.", "$.annotations[*].id"),
                _field("masks/image_id", "Number of its photo.", "$.annotations[*].image_id"),
            ],
        }


def _field(name: str, description: str, json_path: str = "") -> Json:
    field: Json = {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "description": description,
        "dataType": "sc:Text",
    }
    if json_path:
        field["source"] = {"fileObject": {"@id": MASKS}, "extract": {"jsonPath": json_path}}
    return field
