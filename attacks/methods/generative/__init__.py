"""Attacks that draw from a generative prior: each draw is one picture that could have been."""
