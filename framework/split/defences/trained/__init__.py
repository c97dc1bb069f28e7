"""Defences with weights of their own, which `pedbench defend` trains."""
