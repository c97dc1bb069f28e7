"""Models: their scores, their adaptation, their speed in one process."""
