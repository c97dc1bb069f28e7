"""Shards on other hosts, over gRPC."""
