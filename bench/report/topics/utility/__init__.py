"""What sharing, precision and defences cost, and what they save."""

from bench.report.topics.utility import (
    defence_cost,
    defence_strength,
    equal_utility,
    noise_bounds,
    privacy_utility,
    relative_utility,
    segmentation,
    traffic,
)

__all__ = [
    "defence_cost",
    "defence_strength",
    "equal_utility",
    "noise_bounds",
    "privacy_utility",
    "relative_utility",
    "segmentation",
    "traffic",
]
