"""Defences and policies, beside the curves of a run."""
