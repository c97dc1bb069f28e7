"""Shard servers: the window stage they run and the transport that reaches them."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # failed handshakes are reported in our own words
