"""Inversion by a small transformer decoder, in the spirit of He et al. (ACSAC 2019)."""

from __future__ import annotations

from attacks.base import ATTACKS
from attacks.controls import register_prior
from attacks.decoder import WindowDecoder
from attacks.reconstruction.conv_decoder import ConvDecoder


@ATTACKS.register("transformer_decoder")
class TransformerDecoder(ConvDecoder):
    """`ConvDecoder` with self-attention among a window's tokens in place of convolutions."""

    name = "transformer_decoder"
    summary = "ridge, corrected by a small transformer decoder of each window"
    rate = 2e-3

    @staticmethod
    def network(channels: int, side: int, size: int) -> WindowDecoder:
        return WindowDecoder.transformer(channels, side, size)


register_prior(TransformerDecoder)
