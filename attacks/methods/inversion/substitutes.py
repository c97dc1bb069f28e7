"""Inversion without queries: learned from a public model in place of the target."""

from __future__ import annotations

from attacks.base import ATTACKS
from attacks.methods.inversion.window_decoders import ConvDecoder
from attacks.query_free.substitute import (
    AdversariallyAligned,
    Aligned,
    KernelAligned,
    Substituted,
)


@ATTACKS.register("substitute_ridge")
class SubstituteRidge(Substituted):
    """`Ridge` trained on the tokens of a substitute, as if the model under attack were that one.

    Query-free inversion: ridge learned from a public model, used on another's tokens.
    """

    summary = "ridge trained on a public model in place of the one under attack, without a query"


@ATTACKS.register("substitute_decoder")
class SubstituteDecoder(Substituted, ConvDecoder):
    """`ConvDecoder` trained on the tokens of a substitute, used on those of the model attacked.

    Query-free inversion by a decoder of a public model (He, Zhang and Lee, ACSAC 2019).
    """

    summary = "conv_decoder trained on a public model in place of the one under attack"


@ATTACKS.register("aligned_decoder")
class AlignedDecoder(Aligned, ConvDecoder):
    """`SubstituteDecoder` behind a linear map that gives tokens the substitute's moments."""

    summary = "substitute_decoder, tokens first moved to the public model's mean and covariance"


@ATTACKS.register("mmd_aligned_decoder")
class MmdAlignedDecoder(KernelAligned, ConvDecoder):
    """`SubstituteDecoder` behind an affine map that descends on MK-MMD to the substitute's tokens.

    Query-free inversion by aligned distributions, as FORA does it for split learning (CVPR 2024).
    """

    summary = "substitute_decoder, tokens first moved to meet the public model's by MK-MMD"


@ATTACKS.register("adversarial_aligned_decoder")
class AdversarialAlignedDecoder(AdversariallyAligned, ConvDecoder):
    """`SubstituteDecoder` behind an affine map that fools a discriminator of both models' tokens.

    The adversarial alignment of FORA (CVPR 2024), for a public model that is close to the target.
    """

    summary = "substitute_decoder, tokens first moved until a discriminator takes them for its own"
