"""A shard that does not compute what it was asked: its answers steer what it is sent next."""
