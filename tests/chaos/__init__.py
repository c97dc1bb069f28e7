"""Faults played to the edge by real servers; ``python -m tests.chaos`` prints what comes of it."""
