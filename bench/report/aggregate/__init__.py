"""Scores of a run, summed up over photos, masks and attacks."""
