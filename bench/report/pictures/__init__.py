"""The pictures of a run: originals, what was seen, reconstructions, masks."""
