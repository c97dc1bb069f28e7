"""Inversion of what is left when decoys are thrown out."""

from __future__ import annotations

from attacks.analyses.decoy_detection.discerning import Discerning
from attacks.base import ATTACKS, WEIGHTS
from attacks.methods.inversion.linear import Ridge


@ATTACKS.register("ridge_discerning")
class RidgeDiscerning(Discerning, Ridge):
    """`Ridge` on the windows that do not look like decoys."""

    summary = "ridge, after windows that look like decoys were thrown out"
    needs = Ridge.needs | {WEIGHTS}
