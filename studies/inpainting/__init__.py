"""Training and scoring of what completes pictures."""
