"""Attacks: what they gain, and why."""
