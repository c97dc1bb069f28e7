"""Seconds, bytes and work of each plan over links between an edge and its servers."""
