"""The demo: a page on this machine that sends a photo through shard processes and attacks it."""
