"""Measurements that are too slow for tests."""
