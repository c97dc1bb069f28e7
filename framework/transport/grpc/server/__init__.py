"""A shard server: its life, its answers, its limits."""
