"""Runs: their speed, their memory, what they survive."""
