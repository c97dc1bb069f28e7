"""Inversion of windows whose tokens were shuffled: the tokens are put in order first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from attacks.base import ATTACKS, WEIGHTS, Attack, Knowledge, PublicExample
from attacks.features.patches import content_tokens
from attacks.features.public_examples import require_public
from attacks.features.tokens import learn_position, stage_of
from attacks.methods.inversion.linear import Ridge
from attacks.methods.inversion.window_decoders import ConvDecoder
from attacks.solvers.forward import blocks_before
from attacks.solvers.puzzle.order import TokenOrder
from framework.models.build import PedSam
from framework.split.observation import Observation, WindowMessage
from framework.split.payload import PIXELS, encode_tokens

PREFIX = "order."


class Unshuffling(Attack):
    """Puts `TokenOrder.restored` before whatever class follows it in the order of bases.

    The attacker computes tokens of public photos with the known weights, in order. From them it
    learns how tokens spread about their position embedding.
    """

    undoes = frozenset({"shuffle_tokens"})

    def fit(self, knowledge: Knowledge) -> None:
        require_public(knowledge, self.name)
        stage = min(stage_of(example.observation) for example in knowledge.public)
        position = learn_position(knowledge)
        assert knowledge.sam is not None
        tokens = (_tokens(knowledge.sam, example, stage, position) for example in knowledge.public)
        order = TokenOrder.of(position, tokens)
        public = [
            replace(e, observation=_ordered(e.observation, order, stage)) for e in knowledge.public
        ]
        super().fit(replace(knowledge, public=public))
        self.learned |= {PREFIX + "mean": order.mean, PREFIX + "precision": order.precision}

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        return super().reconstruct(self.ordered(observation))  # type: ignore[safe-super]

    def ordered(self, observation: Observation) -> Observation:
        """The observation with the tokens of each window where they seem to belong."""
        names = ("position", PREFIX + "mean", PREFIX + "precision")
        order = TokenOrder(*map(self.recall, names))
        return _ordered(observation, order, int(self.recall("stage")[0]))


@ATTACKS.register("ridge_unshuffled")
class RidgeUnshuffled(Unshuffling, Ridge):
    """`Ridge` on tokens that were put in order by the position embedding they carry."""

    summary = "ridge, after the tokens of each window were put in order by their positions"
    needs = Ridge.needs | {WEIGHTS}


@ATTACKS.register("conv_decoder_unshuffled")
class ConvDecoderUnshuffled(Unshuffling, ConvDecoder):
    """`ConvDecoder` on tokens that were put in order by the position embedding they carry."""

    summary = "conv_decoder, after the tokens of each window were put in order"
    needs = ConvDecoder.needs | {WEIGHTS}


@torch.inference_mode()
def _tokens(
    sam: PedSam, example: PublicExample, stage: int, position: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A photo's tokens at ``stage`` less their position, content only: [tokens, channels]."""
    image = torch.as_tensor(example.frame, device=sam.device).permute(2, 0, 1)[None]
    tokens = sam.runtime.embed(sam.preprocess(image).to(sam.runtime.dtype))
    blocks = blocks_before(sam, example.observation.plan, stage)
    tokens = sam.runtime.maps(blocks, tokens)
    values = tokens[0].float().cpu().numpy() - position
    windows = [w for w in example.observation.grid.windows if w.has_content]
    side = example.observation.patch_size
    return np.concatenate([values[w.token_slice][content_tokens(w, side)] for w in windows])


def _ordered(observation: Observation, order: TokenOrder, stage: int) -> Observation:
    return observation.keeping(_messages(observation, order, stage))


def _messages(observation: Observation, order: TokenOrder, stage: int) -> Iterator[WindowMessage]:
    """The messages, those of ``stage`` with their tokens in order."""
    for message in observation.messages:
        if message.stage != stage or message.sent.codec == PIXELS:
            yield message
            continue
        window = observation.grid.windows[message.window]
        tokens = order.restored(message.sent.decode(), window)
        yield replace(message, sent=encode_tokens(tokens, "float32"))
