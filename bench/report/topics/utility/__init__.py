"""What sharing, precision and defences cost, and what they save."""
