"""Forms of results: HTML, PNG, PDF, CSV, Markdown and LaTeX."""
