"""Assignment policies, one a file."""

from framework.split.policies.base import POLICIES, Policy

__all__ = ["POLICIES", "Policy"]
