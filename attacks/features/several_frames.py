"""What is seen over several frames: put together, or averaged where the scene is still."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from framework.errors import PedbenchError
from framework.split.observation import Observation, WindowMessage
from framework.split.payload import PIXELS, Payload, encode_pixels, encode_tokens


def merged(frames: Sequence[Observation]) -> Observation:
    """All messages of several pictures of one session, in order.

    Where a window was seen in several frames, `Observation.tokens` and `Observation.pixels` give
    what it showed last.

    Raises:
        PedbenchError: there are none, or they differ in grid, plan or payload.
    """
    if not frames:
        raise PedbenchError("there are no frames to merge: give at least one observation")
    messages = tuple(message for frame in frames for message in frame.messages)
    whole = replace(frames[0], messages=messages)
    if any(replace(frame, messages=messages) != whole for frame in frames):
        raise PedbenchError("frames of different sizes or deployments cannot be merged")
    return whole


def averaged(seen: Observation) -> Observation:
    """The mean over frames of what was sent for each window, round by round.

    Where the scene is still, noise that is drawn anew for each picture shrinks with the root of
    the number of times that the window was seen. Of everything else the last message is kept.
    """
    found: defaultdict[tuple[int, int], list[WindowMessage]] = defaultdict(list)
    for message in seen.messages:
        found[message.round, message.window].append(message)
    messages = [replace(sent[-1], sent=_mean([m.sent for m in sent])) for sent in found.values()]
    return replace(seen, messages=tuple(messages))


def _mean(payloads: Sequence[Payload]) -> Payload:
    if len(payloads) == 1:
        return payloads[0]
    if payloads[0].codec == PIXELS:
        pixels = np.mean([payload.data.astype(np.float64) for payload in payloads], axis=0)
        return encode_pixels(np.rint(pixels).astype(np.uint8))
    tokens = np.stack([payload.decode() for payload in payloads])
    return encode_tokens(tokens.mean(axis=0, dtype=np.float64), "float32")
