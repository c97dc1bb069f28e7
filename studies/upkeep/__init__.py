"""What the package carries, made again when code or weights change."""
