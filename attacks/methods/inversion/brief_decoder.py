"""A window decoder of short training, for curves that need a hundred of them."""

from __future__ import annotations

from attacks.base import ATTACKS, WEIGHTS
from attacks.methods.inversion.unshuffled import Unshuffling
from attacks.methods.inversion.window_decoders import STEPS as FULL
from attacks.methods.inversion.window_decoders import ConvDecoder

STEPS = FULL // 4


@ATTACKS.register("conv_decoder_brief")
class BriefConvDecoder(ConvDecoder):
    """`ConvDecoder` trained for at most a quarter of its steps.

    Inversion by a small convolutional decoder, in the spirit of Dosovitskiy & Brox (CVPR 2016).
    """

    summary = "conv_decoder, trained for a quarter of the steps"

    def __init__(self, seed: int = 0, steps: int = STEPS) -> None:
        super().__init__(seed, steps)


@ATTACKS.register("conv_decoder_brief_unshuffled")
class BriefConvDecoderUnshuffled(Unshuffling, BriefConvDecoder):
    """`BriefConvDecoder` on tokens that were put in order by the position embedding they carry."""

    summary = "conv_decoder_brief, after the tokens of each window were put in order"
    needs = BriefConvDecoder.needs | {WEIGHTS}
