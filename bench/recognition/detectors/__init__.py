"""Recognisers that find things and where they stand."""
