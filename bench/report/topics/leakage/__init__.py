"""What attacks rebuild beyond their controls."""

from bench.report.topics.leakage import (
    attacks,
    coalition,
    collusion,
    control,
    inpainting,
    mixed_tokens,
    partitionings,
    recognition,
    stages,
    strongest,
    suite,
    worst_case,
)

__all__ = [
    "attacks",
    "coalition",
    "collusion",
    "control",
    "inpainting",
    "mixed_tokens",
    "partitionings",
    "recognition",
    "stages",
    "strongest",
    "suite",
    "worst_case",
]
