"""Shard servers: the window stage they run and the transport that reaches them."""
