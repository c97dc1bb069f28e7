"""Attacks that keep the visible pixels and fill the hidden ones."""
