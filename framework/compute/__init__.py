"""Where arithmetic runs: devices, memory, and values that are finite."""
