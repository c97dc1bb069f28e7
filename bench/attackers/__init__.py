"""Fitting attackers: public knowledge, training, cards."""
