"""The sentences and numbers that head a report."""
