"""Mutual TLS and certificates."""
