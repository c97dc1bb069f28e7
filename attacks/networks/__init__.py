"""Trained networks, and how they are trained."""
