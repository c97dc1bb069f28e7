"""Running: work units, their evaluation, their records."""
