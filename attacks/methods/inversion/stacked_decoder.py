"""Everything at once: several guesses of what is hidden, mixed by what they missed elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

from attacks.base import ATTACKS, Knowledge, PublicExample
from attacks.controls.retrained_prior import register_first_round, register_prior
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import LONGEST, inpaint_opencv, shrunk
from attacks.features.public_examples import resized
from attacks.features.token_maps import practice
from attacks.methods.inpainting.classic import pyramid
from attacks.methods.inversion.joint_decoder import TOLERATED, JointDecoder, Practised
from attacks.methods.inversion.whole_image_decoder import STEPS, Lesson, WholeImageDecoder
from attacks.solvers.stacking import Missed, stack
from framework.split.observation import Observation

WHOLE = "whole."
COALITIONS = 48
"""Drawn to learn the weights on."""
SHOWN = 10
"""Photos that each of them sees."""
DISTANCES = (1.0, 4.0, 10.0, 24.0)
"""From what is known, in 64ths of the longest side: kinds of place, those between are both."""
SHARES = (0.05, 0.2, 0.5, 0.9)
"""Of the picture that is known: the same."""

OPENCV = (cv2.INPAINT_NS, cv2.INPAINT_TELEA)
JOINT, GUESSES = 1, 6
"""Place of the joint decoder's guess, and number of guesses."""

Array = NDArray[np.float64]


@ATTACKS.register("stacked_decoder")
class StackedDecoder(JointDecoder):
    """A mixture of completions and decoders, by weights that depend on the place.

    The guesses are kriging's, `JointDecoder`'s, `WholeImageDecoder`'s, Navier-Stokes and Telea
    inpainting's and push-pull's. Weights are those of `attacks.solvers.stacking`, one set for each
    kind of place: how far from what is known, and how much is known at all. They are learned on
    coalitions drawn for photos that only say when the training of the whole-image decoder stops,
    and that the regression of the joint decoder leaves out for the purpose. Each photo counts by
    the inverse of its error, since PSNR is a logarithm.

    Args:
        seed: of the whole-image decoder, and of the coalitions.
        steps: of its training at most.
        coalitions: on which the weights are learned.

    Stacking of completions and decoders (Wolpert 1992; Breiman 1996).
    """

    summary = "completions and decoders of all rounds' tokens, mixed by what they missed elsewhere"
    random = True

    def __init__(self, seed: int = 0, steps: int = STEPS, coalitions: int = COALITIONS) -> None:
        super().__init__(seed)
        self.steps = steps
        self.coalitions = coalitions

    def fit(self, knowledge: Knowledge) -> None:
        whole = WholeImageDecoder(self.seed, self.steps)
        untaught = whole.learn(knowledge)
        super().fit(knowledge)
        self.learned |= {WHOLE + name: value for name, value in whole.learned.items()}
        self.learned["weights"] = self._weights(knowledge.public, untaught)

    def reconstruct(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = self._canvas(observation)
        if canvas.known.all():
            return canvas.completed(canvas.pixels)
        guesses = self._guesses(observation, canvas, self.whole.reconstruct(observation))
        shares = kinds_of_place(shrunk(canvas).known)
        mixture = np.einsum("hwcg,hwk,kg->hwc", guesses, shares, self.recall("weights"))
        return canvas.completed(resized(mixture, canvas.known.shape))

    @property
    def whole(self) -> WholeImageDecoder:
        """The whole-image decoder among the guesses."""
        decoder = WholeImageDecoder(self.seed, self.steps)
        own = (name for name in self.learned if name.startswith(WHOLE))
        decoder.load_state({name.removeprefix(WHOLE): self.learned[name] for name in own})
        return decoder

    def _guesses(
        self,
        observation: Observation,
        canvas: Canvas,
        whole: NDArray[np.generic],
        practised: Sequence[Practised] | None = None,
    ) -> Pixels:
        """Every guess of the picture at `LONGEST` px, [h, w, 3, guesses] in 0..255.

        Args:
            canvas: of which something is not known.
            whole: the whole-image decoder's picture, of any size.
            practised: as in `corrected`.
        """
        small = shrunk(canvas)
        size = small.known.shape
        guesses = [*self.corrected(observation, canvas, practised), whole]
        if canvas.known.any():
            share = small.known[..., None].astype(np.float32)
            guesses += [inpaint_opencv(small, method) for method in OPENCV]
            guesses.append(pyramid(small.pixels, share))
        else:
            guesses += guesses[:1] * (len(OPENCV) + 1)
        return np.stack([resized(guess, size).clip(0, 255) for guess in guesses], axis=-1)

    def _weights(
        self, public: Sequence[PublicExample], untaught: Sequence[tuple[PublicExample, Lesson]]
    ) -> Pixels:
        """How much each guess counts in each kind of place, [kinds, guesses].

        Whole coalitions are left out when the shrinkage is chosen: each has places of its own, but
        they share photos.
        """
        numbers = {id(example): number for number, example in enumerate(public)}
        rng = np.random.default_rng([self.seed, 3])
        whole, missed = self.whole, []
        for _ in range(self.coalitions):
            chosen = rng.permutation(len(untaught))[:SHOWN]
            held = sorted(practice(untaught[chosen[0]][1].grid, rng))
            practised = self.practise(untaught[0][0].observation, held)
            parts: list[Missed] = []
            for example, lesson in (untaught[place] for place in chosen) if held else ():
                others = [p for p in practised if p.number != numbers[id(example)]]
                parts += self._missed_by_each(example, held, whole.rebuilt(lesson, held), others)
            missed += [reduce(Missed.__add__, parts)] if parts else []
        return stack(missed or [alone(JOINT)]).astype(np.float32)

    def _missed_by_each(
        self,
        example: PublicExample,
        held: Sequence[int],
        rebuilt: Pixels,
        practised: Sequence[Practised],
    ) -> Iterator[Missed]:
        """What each guess misses of a public photo's hidden windows; nothing if none is hidden."""
        seen = example.observation
        seen = seen.keeping(m for m in seen.messages if m.window in held)
        canvas = self._canvas(seen)
        hidden = ~shrunk(canvas).known
        if hidden.any():
            guesses = self._guesses(seen, canvas, rebuilt, practised)
            errors = guesses - resized(example.frame, hidden.shape)[..., None]
            typical = np.square(errors[hidden]).mean() + TOLERATED**2
            shares = kinds_of_place(~hidden)[hidden]
            yield Missed.of(errors[hidden], shares, 1 / float(typical * hidden.sum()))


def alone(guess: int) -> Missed:
    """Made up: one guess misses nothing, all others miss everything."""
    kinds, errors = len(DISTANCES) * len(SHARES) + 1, np.ones((1, 1, GUESSES))
    errors[..., guess] = 0
    return Missed.of(errors, np.full((1, kinds), 1 / kinds))


def kinds_of_place(known: NDArray[np.bool_]) -> Pixels:
    """The share of each pixel in each kind of place, [h, w, kinds], sums of 1.

    Kinds are the pairs of `DISTANCES` and `SHARES`; the last one is all that there is where nothing
    is known.

    Args:
        known: bool [h, w], at `LONGEST` px or larger.
    """
    pairs = np.zeros((*known.shape, len(DISTANCES) * len(SHARES) + 1), np.float32)
    if not known.any():
        pairs[..., -1] = 1
        return pairs
    unit = max(known.shape) / LONGEST
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5) / unit
    near = _between(np.log(np.maximum(away, DISTANCES[0])), np.log(DISTANCES))
    much = _between(np.array(known.mean()), np.array(SHARES))
    pairs[..., :-1] = (near[..., None] * much).reshape(*known.shape, -1)
    return pairs


def _between(values: NDArray[np.floating], nodes: Array) -> Array:
    """Shares of ``values`` [...] in ascending nodes, by linear interpolation: [..., nodes]."""
    hats = np.eye(len(nodes))
    return np.stack([np.interp(values, nodes, hat) for hat in hats], axis=-1)


register_prior(StackedDecoder)
register_first_round(StackedDecoder)
