"""Assignment policies, one a file."""

from framework.policies.base import POLICIES, Policy

__all__ = ["POLICIES", "Policy"]
