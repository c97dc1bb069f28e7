"""Results that others can check: validated, recomputed, ranked."""
