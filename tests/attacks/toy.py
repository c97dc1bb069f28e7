"""A model small enough to train attacks on in a test, and what its servers see of photos."""

from dataclasses import replace
from functools import cache

from segment_anything.utils.transforms import ResizeLongestSide

from attacks import ATTACKS, Knowledge
from attacks.features.public_examples import observe
from framework import build_sam
from tests.attacks.conftest import PUBLIC, photo
from tests.toy_model import TOY

SEEN = (0, 1, 4)
"""Windows of the coalition in these tests."""


@cache
def toy():
    return build_sam("toy", "random")


@cache
def example(name, plan="interleaved"):
    frame = ResizeLongestSide(TOY.img_size).apply_image(photo(name)[:200])
    return observe(toy(), frame, plan, "float32")


def knowledge(*names, plan="interleaved", stages=None):
    examples = [example(name, plan) for name in names or PUBLIC]
    if stages is not None:
        examples = [replace(e, observation=e.observation.at_stages(stages)) for e in examples]
    return Knowledge(toy(), examples)


def seen(name, windows=SEEN, plan="interleaved"):
    """What a coalition that holds ``windows`` saw of a photo."""
    whole = example(name, plan).observation
    return replace(whole, messages=tuple(m for m in whole.messages if m.window in windows))


def fit(name, known, **settings):
    attack = ATTACKS.get(name)(**settings)
    attack.fit(known)
    return attack
