"""Plain numerics: regression, alignment, descent, puzzle placement."""
