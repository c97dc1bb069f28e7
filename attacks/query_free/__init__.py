"""Attacks without queries: a public model stands in for the target."""
