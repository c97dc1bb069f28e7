"""What can still be recognised in a picture: faces, people, objects, text."""

from bench.recognition.base import RECOGNISERS, Recogniser, RecogniserUnavailable, Truth
from bench.recognition.suite import Suite, Truths, recognise_all

__all__ = [
    "RECOGNISERS",
    "Recogniser",
    "RecogniserUnavailable",
    "Suite",
    "Truth",
    "Truths",
    "recognise_all",
]
