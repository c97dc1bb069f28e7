"""The paper: short tables and figures of one or several runs in one LaTeX document."""
