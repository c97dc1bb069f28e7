"""Encoded images, kept from run to run: the embedding and all that the shards saw of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.cache.fingerprints import (
    code_of,
    content_digest,
    part_fingerprint,
    source_fingerprint,
    versions,
)
from bench.cache.store import Store
from bench.flags.remote import Remote
from bench.runner.evaluation.pipelines import build_predictor
from bench.runner.folder.provenance import device_label
from bench.runner.phases import phase
from bench.spec.cells import Pipeline
from framework.exposure.scene import View
from framework.models.build import PedSam
from framework.split.defences import DEFENCES, make_defence
from framework.split.detectors import DETECTORS
from framework.split.observation import WindowMessage
from framework.split.payload import Payload
from framework.split.policies import POLICIES
from framework.split.predictor import DistributedSamPredictor
from framework.split.recording import Recording
from framework.split.windows import WindowGrid

ALIGNMENT = 64
SIDES = ("sent", "returned")
PLAIN = ("frame", "round", "stage", "shard", "window", "delivered")


def pipeline_sources(pipeline: Pipeline, sam: PedSam) -> dict[str, str]:
    """Fingerprints of the source, and of trained weights, that decide what a pipeline does."""
    trained = make_defence(pipeline.defence, pipeline.strength).weights(sam, pipeline.plan)
    detects = getattr(POLICIES.get(pipeline.policy), "detects", "")
    return {
        "weights of the defence": trained,
        "code of pipelines": source_fingerprint("bench.runner.evaluation.pipelines"),
        **code_of(POLICIES, [pipeline.policy]),
        **code_of(DETECTORS, [detects] if detects else []),
        **code_of(DEFENCES, [pipeline.defence]),
    }


class Encodings:
    """Encodes images, each once for a pipeline and seed, however many runs ask for it.

    Args:
        store: where encodings are kept; nowhere when not given.
        remote: servers in use. What they did is measured each time and never kept.
    """

    def __init__(self, store: Store | None, remote: Remote | None = None) -> None:
        self.store = None if remote else store
        self.remote = remote

    def predictor(
        self, sam: PedSam, image: NDArray[np.uint8], pipeline: Pipeline, seed: int
    ) -> DistributedSamPredictor:
        """The predictor of a pipeline with an image set, uint8 [H, W, 3].

        Raises:
            PedbenchError: as in `build_predictor` and ``set_image``.
        """
        predictor = self.fresh(sam, pipeline, seed)
        if self.store is None:
            _encode(predictor, image)
            return predictor
        with phase("store"):
            key = _key(sam, image, pipeline, seed)
            found = _restore(predictor, image, self.store, key)
        if not found:
            _encode(predictor, image)
            with phase("store"):
                _keep(predictor, self.store, key)
        return predictor

    def fresh(self, sam: PedSam, pipeline: Pipeline, seed: int) -> DistributedSamPredictor:
        """A predictor that has seen nothing yet; raises as `predictor` does."""
        return build_predictor(sam, pipeline, seed, self.remote)


def _encode(predictor: DistributedSamPredictor, image: NDArray[np.uint8]) -> None:
    """Set the image; the embedding lies in memory as a restored one does, to the same last bit."""
    with phase("encode"):
        predictor.set_image(image)
    predictor.features = predictor.get_image_embedding().contiguous()


def _key(sam: PedSam, image: NDArray[np.uint8], pipeline: Pipeline, seed: int) -> str:
    return content_digest(
        "encoding",
        image,
        sam.arch,
        sam.weights.sha256,
        sam.precision,
        part_fingerprint(sam.encoder_class),
        asdict(pipeline),
        seed,
        source_fingerprint(__name__),
        pipeline_sources(pipeline, sam),
        versions(),
        device_label(sam.device),
    )


def _keep(predictor: DistributedSamPredictor, store: Store, key: str) -> None:
    """Write an encoding: one blob for each round and direction, and one for the embedding."""
    recording = predictor.encoder.last
    features = predictor.get_image_embedding().cpu().numpy()
    entries: list[dict[str, Any]] = [
        {name: getattr(message, name) for name in PLAIN} for message in recording.messages
    ]
    for entry, message in zip(entries, recording.messages, strict=True):
        entry["decoy"] = message.sent in recording.decoys
    for side in SIDES:
        numbered = [
            (message.round, message.window, number)
            for number, message in enumerate(recording.messages)
            if getattr(message, side) is not None
        ]
        for _, group in groupby(sorted(numbered), key=lambda item: item[0]):
            numbers = [number for *_, number in group]
            payloads = [getattr(recording.messages[number], side) for number in numbers]
            pack, places = _pack(payloads)
            digest = store.put_blob(pack)
            for number, place in zip(numbers, places, strict=True):
                entries[number][side] = {"blob": digest, **place}
    store.put(
        key,
        {
            "messages": entries,
            "image_bytes_down": recording.image_bytes_down,
            "features": store.put_blob(features.tobytes()),
            "shape": [features.dtype.str, features.shape],
        },
    )


def _pack(payloads: Sequence[Payload]) -> tuple[bytearray, list[dict[str, Any]]]:
    """The arrays of payloads one after another, and where each of them stands."""
    pack, places = bytearray(), []
    for payload in payloads:
        place: dict[str, Any] = {"codec": payload.codec}
        for field in fields(Payload)[1:]:
            array = getattr(payload, field.name)
            if array is not None:
                pack.extend(bytes(-len(pack) % ALIGNMENT))
                place[field.name] = [array.dtype.str, array.shape, len(pack)]
                pack.extend(array.tobytes())
        places.append(place)
    return pack, places


def _restore(
    predictor: DistributedSamPredictor, image: NDArray[np.uint8], store: Store, key: str
) -> bool:
    """Put a predictor into the state after ``set_image``; False if the encoding is not there."""
    content = store.get(key)
    if content is None:
        return False
    blobs: dict[str, memoryview] = {}
    sides = [m[side] for m in content["messages"] for side in SIDES if side in m]
    for digest in {content["features"], *(side["blob"] for side in sides)}:
        blob = store.blob(digest)
        if blob is None:
            return False
        blobs[digest] = blob
    sam = predictor.model
    size = predictor.transform.get_preprocess_shape(*image.shape[:2], sam.arch.img_size)
    recording = Recording(WindowGrid.of(sam.arch, size), View.alone(image))
    recording.messages = [_message(entry, blobs) for entry in content["messages"]]
    labelled = zip(recording.messages, content["messages"], strict=True)
    recording.decoys = {message.sent for message, entry in labelled if entry["decoy"]}
    recording.image_bytes_down = content["image_bytes_down"]
    kind, shape = content["shape"]
    features = np.frombuffer(blobs[content["features"]], np.dtype(kind)).reshape(shape)
    predictor.reset_image()
    predictor.original_size, predictor.input_size = image.shape[:2], size
    predictor.features = torch.from_numpy(features.copy()).to(sam.device)
    predictor.is_image_set = True
    predictor.encoder.last = recording
    return True


def _message(entry: Mapping[str, Any], blobs: Mapping[str, memoryview]) -> WindowMessage:
    plain = {name: entry[name] for name in PLAIN}
    sent = _payload(entry["sent"], blobs)
    returned = _payload(entry["returned"], blobs) if "returned" in entry else None
    return WindowMessage(**plain, sent=sent, returned=returned)


def _payload(place: Mapping[str, Any], blobs: Mapping[str, memoryview]) -> Payload:
    arrays = {}
    for name in ("data", "scale"):
        if name in place:
            kind, shape, offset = place[name]
            count = int(np.prod(shape))
            flat = np.frombuffer(blobs[place["blob"]], np.dtype(kind), count, offset)
            arrays[name] = flat.reshape(shape)
    return Payload(place["codec"], **arrays)
