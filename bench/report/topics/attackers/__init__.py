"""What attackers are granted, and how they were trained."""

from bench.report.topics.attackers import knowledge, time, training

__all__ = ["knowledge", "time", "training"]
