"""What can still be recognised in a picture: faces, people, objects, text."""

from bench.recognition.base import RECOGNISERS, Recogniser, RecogniserUnavailable, Truth
from bench.recognition.recogniser_set import RecogniserSet, Truths, recognise_all

__all__ = [
    "RECOGNISERS",
    "Recogniser",
    "RecogniserSet",
    "RecogniserUnavailable",
    "Truth",
    "Truths",
    "recognise_all",
]
