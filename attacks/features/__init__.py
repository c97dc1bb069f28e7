"""What is computed from an observation before an attack uses it."""
