"""A defence: changes a window's tokens before they leave the edge."""

import numpy as np

from pedbench import Defence


class Clip(Defence):
    """Clips tokens to ±1/strength; strength 0 changes nothing."""

    summary = "tokens clipped to ±1/strength"
    label = "clipping"
    axis = "clipping (1/limit)"

    def protect(self, tokens, rng):
        return np.clip(tokens, -1 / self.strength, 1 / self.strength) if self.strength else tokens
