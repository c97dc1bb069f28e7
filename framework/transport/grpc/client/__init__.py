"""The edge's side of a connection."""
