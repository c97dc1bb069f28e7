"""A random `tiny`, its observations of package photos, and attacks fitted to them."""

from functools import cache

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from segment_anything.utils.transforms import ResizeLongestSide

from attacks import ATTACKS, Knowledge, PublicExample
from framework import DistributedEncoder, LocalShards, build_sam
from framework.split.defences import DEFENCES

PUBLIC = ("chelsea", "rocket", "coins", "page", "retina")
QUICK = {
    "conv_decoder": {"steps": 60},
    "conv_decoder_prior": {"steps": 2},
    "substitute_decoder": {"steps": 2},
    "aligned_decoder": {"steps": 2},
    "mmd_aligned_decoder": {"steps": 2},
    "adversarial_aligned_decoder": {"steps": 2},
    "moment_matching": {"turns": 2},
    "conv_decoder_unshuffled": {"steps": 2},
    "conv_decoder_brief": {"steps": 2},
    "conv_decoder_brief_unshuffled": {"steps": 2},
    "transformer_decoder": {"steps": 2},
    "transformer_decoder_prior": {"steps": 2},
    "whole_image_decoder": {"steps": 1},
    "whole_image_decoder_round1": {"steps": 1},
    "whole_image_prior": {"steps": 1},
    "stacked_decoder": {"steps": 1, "coalitions": 2},
    "stacked_decoder_round1": {"steps": 1, "coalitions": 2},
    "stacked_decoder_prior": {"steps": 1, "coalitions": 2},
    "optimise": {"steps": 2},
    "optimise_swapped": {"steps": 2},
    "deep_image_prior": {"steps": 2},
    "flow_inpainting": {"steps": 2},
    "flow_inpainting_swapped": {"steps": 2},
    "flow_inpainting_mean": {"steps": 2, "draws": 2},
    "flow_inpainting_mean_swapped": {"steps": 2, "draws": 2},
    "flow_inversion": {"steps": 1},
    "flow_inversion_swapped": {"steps": 1},
}
"""Settings of the attacks that train or descend, for tests of what they owe, not of how good."""

FILES = {
    *("lama", "lama_swapped", "mae_checkpoint", "mae_checkpoint_swapped"),
    *("latent_diffusion", "latent_diffusion_swapped"),
}
"""Attacks that run on a file which the user must have."""


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    yield
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


@pytest.fixture(scope="session")
def sam():
    return build_sam("tiny", "random")


@pytest.fixture(scope="session")
def target():
    return photo("astronaut")[: 21 * 8 + 3]


@pytest.fixture(scope="session")
def observe(sam):
    """Observation of a frame by all shards of a `prefix` deployment, made once for each."""

    @cache
    def run(frame, n_shards, payload, plan, strength, policy):
        encoder = DistributedEncoder(
            sam,
            LocalShards(n_shards),
            plan=plan,
            policy=policy,
            payload=payload,
            defence=DEFENCES.get("gaussian")(strength),
            seed=5,
        )
        encoder(np.frombuffer(frame[1], np.uint8).reshape(frame[0]).copy())
        return encoder.observation()

    def of(frame, n_shards=4, payload="float32", plan="prefix", strength=0.0, policy="strided"):
        return run((frame.shape, frame.tobytes()), n_shards, payload, plan, strength, policy)

    return of


@pytest.fixture(scope="session")
def knowledge(sam, observe):
    """Knowledge from the public photos, sent the way the arguments say.

    The model stands in for itself where an attack wants a substitute.
    """

    @cache
    def build(**deployment):
        frames = [photo(name) for name in PUBLIC]
        public = [PublicExample(f, observe(f, 1, **deployment)) for f in frames]
        overheard = [example.observation for example in public[:2]]
        return Knowledge(sam, public, substitute=sam, overheard=overheard)

    return build


@pytest.fixture(scope="session")
def fitted(knowledge):
    """Attacks by name, each fitted when first asked for, through noise so that all learn."""

    class Fitted(dict):
        def __missing__(self, name):
            self[name] = ATTACKS.get(name)(seed=1, **QUICK.get(name, {}))
            self[name].fit(knowledge(strength=0.2))
            return self[name]

    return Fitted()


def photo(name):
    image = getattr(skimage.data, name)()
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    return ResizeLongestSide(256).apply_image(np.ascontiguousarray(image))


def psnr(truth, picture, where=...):
    difference = truth[where].astype(float) - picture[where]
    return 10 * np.log10(255**2 / max(np.mean(difference**2), 1e-6))
