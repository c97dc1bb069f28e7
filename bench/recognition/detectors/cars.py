"""Cars, found by a small network of our own."""

from __future__ import annotations

from bench.recognition.base import RECOGNISERS
from bench.recognition.detectors.box_detector import BoxDetector


@RECOGNISERS.register("cars")
class Cars(BoxDetector):
    """Cars as a driver sees them; those that touch count as one.

    Trained on 89 frames of two drives through one town.
    """

    name = "cars"
    summary = "cars in street scenes found by a small FCOS trained here"
    metrics = ("car_recall", "car_false_alarms")
    classes = ("car",)
    sure = 0.5
    sha256 = "dbb80425368bcbc372c7a014d4330b1c265acd019e837d5c3edab1892148020a"
    photos_sha256 = "39bb4b92397b2b9eabfcf063ad3f6ea3f37100d24fc45cce9624e6e6cedbca5b"
