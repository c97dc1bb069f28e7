"""People judge pairs of reconstructions, blind: the page, and what becomes of their answers."""

PAGE = "survey.html"
KEY = "survey.json"
"""A run folder's file that tells which pictures the page shows; the page does not."""
JUDGEMENTS = "judgements.csv"
"""A run folder's file of answers."""
