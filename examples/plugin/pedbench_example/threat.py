"""A threat model: an object, not a class."""

from pedbench import ThreatModel

FEW_PHOTOS = ThreatModel(public_photos=1, summary="has a single public photo")
