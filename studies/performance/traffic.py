"""Bytes that cross, against the arithmetic of the architecture; and what int8 costs in mIoU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import skimage.data
import torch
from segment_anything import SamPredictor

from bench.datasets import open_dataset
from bench.latency.report.arithmetic import payload_bytes
from bench.metrics.miou import score_segmentation
from framework import DistributedSamPredictor, build_sam
from framework.models.encoders.sam_vit import SamVit
from framework.split.payload import Payload, encode_tokens
from framework.transport.base import Round, SeparateShards
from studies.performance.results import Row

PAYLOADS = ("float32", "float16", "int8")


class Idle(SamVit):
    """Blocks that do nothing: the bytes do not depend on what they compute."""

    def maps(self, blocks: Sequence[int], tokens: torch.Tensor) -> torch.Tensor:
        """The tokens as they are."""
        return tokens


class Echo(SeparateShards):
    """Servers that send back what they got, in the codec asked for."""

    def _serve(
        self, round_: Round, shard: int, windows: Mapping[int, Payload]
    ) -> dict[int, Payload]:
        return {w: encode_tokens(payload.decode(), round_.codec) for w, payload in windows.items()}


def bytes_on_wire(model: str) -> Iterator[Row]:
    """Payload bytes of one square photo over four shards, counted message by message."""
    sam = build_sam(model, "random")
    sam.other_runtime = Idle(sam.image_encoder)
    for payload in PAYLOADS:
        predictor = DistributedSamPredictor(sam, Echo(4), payload=payload)
        predictor.set_image(skimage.data.astronaut())
        up, down, rounds = payload_bytes(sam.arch, "interleaved", payload)
        traffic = predictor.traffic
        for quantity, value in (
            ("bytes", traffic.bytes_up + traffic.bytes_down),
            ("bytes_expected", up + down),
            ("rounds", traffic.rounds),
            ("rounds_expected", rounds),
        ):
            yield Row("bytes", model, payload, quantity, 0, value)


def miou(model: str, data: str, limit: int | None) -> Iterator[Row]:
    """Mean IoU of the model with float32 and int8 linear layers, on the same instances."""
    dataset = open_dataset(data)
    for precision in ("float32", "int8"):
        predictor = SamPredictor(build_sam(model, precision=precision))
        box, point = [], []
        for i, image_id in enumerate(dataset.ids[:limit]):
            sample = dataset.load(image_id)
            if not len(sample.masks):
                continue
            predictor.set_image(sample.image)
            scores = score_segmentation(predictor, sample.masks)
            box += [score.box_iou for score in scores]
            point += [score.point_iou for score in scores]
            if i % 20 == 19:
                print(f"  miou {model} {precision}: {i + 1} photos", flush=True)
        yield Row("miou", model, precision, "miou_box", 0, float(np.mean(box)))
        yield Row("miou", model, precision, "miou_point", 0, float(np.mean(point)))
        yield Row("miou", model, precision, "instances", 0, len(box))
