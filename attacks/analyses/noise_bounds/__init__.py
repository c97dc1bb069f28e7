"""Bounds from above on what noisy tokens tell, whoever attacks."""
