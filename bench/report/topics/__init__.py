"""One topic a file: its scores, its table, its figure and its prose."""
