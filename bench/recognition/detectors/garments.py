"""Persons and what they wear, found by a small network of our own."""

from __future__ import annotations

from bench.recognition.base import RECOGNISERS
from bench.recognition.detectors.box_detector import BoxDetector

CATEGORIES = {
    "person": ("person",),
    "hair": ("hair",),
    "footwear": (
        "shoes", "boots", "sandals", "loafers", "sneakers", "heels", "pumps", "flats", "wedges",
    ),
    "bag": ("bag", "purse", "wallet"),
    "coat": ("coat", "jacket", "blazer", "cape"),
    "top": ("blouse", "shirt", "t-shirt", "sweater", "sweatshirt", "top", "jumper", "hoodie"),
    "trousers": ("pants", "jeans", "leggings"),
    "dress": ("dress", "romper"),
    "skirt": ("skirt",),
}  # fmt: skip
"""Each class, with the categories of Clothing Co-Parsing that it stands for."""


@RECOGNISERS.register("garments")
class Garments(BoxDetector):
    """One box for the person, and for what she has on of each class, whole: a pair of shoes is one.

    Trained on photos of fashion blogs, where one person stands in the middle.
    """

    name = "garments"
    summary = "persons, their hair, garments, shoes and bags found by a small FCOS trained here"
    metrics = ("garment_recall", "garment_false_alarms")
    classes = tuple(CATEGORIES)
    sure = 0.525
    sha256 = "7d117fc6b89f1669adc0c6acec98649d9fed202165a9af580847b52f71adbc32"
    photos_sha256 = "c31ede579913412679ac91f0d23ab5eca914af5d926a49be11d935fd5e3954e2"
