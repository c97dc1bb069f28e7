"""Inversion of what is left when decoys are thrown out."""

from attacks.decoys.discerning import register_discerning
from attacks.reconstruction.ridge import Ridge

register_discerning(Ridge)
