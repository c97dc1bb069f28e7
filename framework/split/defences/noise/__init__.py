"""Random noise on what is sent."""
