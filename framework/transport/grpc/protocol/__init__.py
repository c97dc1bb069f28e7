"""Messages, and the checks that they pass."""
