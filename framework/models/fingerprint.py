"""One hash for a model's encoder, whatever file its weights came in."""

from __future__ import annotations

import hashlib
from weakref import WeakKeyDictionary

import numpy as np

from framework.models.build import PedSam

_known: WeakKeyDictionary[PedSam, bytes] = WeakKeyDictionary()


def encoder_hash(sam: PedSam) -> bytes:
    """SHA-256 over names, shapes and values of the encoder's tensors; computed once a model.

    It is taken of the tensors in memory, so that one checkpoint in two file formats is one model.
    """
    if sam not in _known:
        digest = hashlib.sha256()
        for name, tensor in sorted(sam.image_encoder.state_dict().items()):
            values = np.ascontiguousarray(tensor.detach().float().cpu().numpy(), dtype="<f4")
            digest.update(f"{name}{values.shape}".encode())
            digest.update(values.reshape(-1).view(np.uint8).data)
        _known[sam] = digest.digest()
    return _known[sam]
