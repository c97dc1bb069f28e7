"""Named threat models."""
