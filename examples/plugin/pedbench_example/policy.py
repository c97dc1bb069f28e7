"""A policy: which shard gets which window."""

from pedbench import Policy


class Backwards(Policy):
    """Runs of neighbouring windows, the last ones first."""

    summary = "runs of neighbouring windows, the last ones first"

    def order(self, windows, n_shards, rng):
        return list(reversed(windows))
