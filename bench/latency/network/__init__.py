"""The network of a latency run: hosts, links and servers on one machine."""
