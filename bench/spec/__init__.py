"""What a run measures: presets, the grid, its cells."""
