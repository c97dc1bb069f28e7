"""Work units: given out in two waves, computed by workers, in parts or all at once."""
