"""Query-free inversion: ridge learned from a public model, used on another's tokens."""

from __future__ import annotations

from attacks.base import ATTACKS
from attacks.reconstruction.ridge import Ridge
from attacks.substitute import Substituted


@ATTACKS.register("substitute_ridge")
class SubstituteRidge(Substituted, Ridge):
    """`Ridge` trained on the tokens of a substitute, as if the model under attack were that one."""

    name = "substitute_ridge"
    summary = "ridge trained on a public model in place of the one under attack, without a query"
