"""Ours against stock `segment-anything`: seconds, memory, difference; shards, bytes, whole runs."""
