"""What a latency run's rows say: arithmetic, tables, figures, report."""
