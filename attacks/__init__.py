"""What colluding servers can make of what they saw."""

from attacks.base import ATTACKS, Attack, Knowledge, PublicExample

__all__ = ["ATTACKS", "Attack", "Knowledge", "PublicExample"]
