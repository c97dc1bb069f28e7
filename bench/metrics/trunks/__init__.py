"""Pretrained trunks of learned metrics: fetched once, checked, cached."""
