"""Analyses beside reconstruction: decoys, active shards, side channels."""
