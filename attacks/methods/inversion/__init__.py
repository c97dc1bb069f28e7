"""Attacks that invert tokens."""
