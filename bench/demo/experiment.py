"""What the demo computes: a photo sent through shard processes, and attacks on what they saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide

from attacks.base import ATTACKS, Attack, reconstruction
from attacks.coalition import exposure, largest_exposure
from attacks.features.visible import patch_inverse, visible_canvas
from attacks.threat_models.base import ThreatModel, unsupported_reason
from bench.attackers.fitting import Attackers
from bench.datasets import open_dataset
from bench.demo.processes import ShardProcesses
from bench.flags.prompts import Prompt
from bench.metrics import METRICS
from bench.metrics.exposure import object_coverage, visible_fraction
from bench.metrics.miou import iou
from bench.runner.evaluation.pictures import HIDDEN_GREY
from bench.runner.evaluation.pipelines import Unsupported, build_predictor
from bench.runner.models import Models
from bench.spec.cells import AttackCell, Pipeline
from bench.spec.config import load_preset
from framework.errors import PedbenchError
from framework.split.observation import Observation
from framework.split.recording import Traffic

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Region = dict[str, float | None]

KINDS = {"inpainting", "inversion"}
CLOSED_FORM = {"ridge", "ridge_unshuffled"}
"""Attacks that are fitted in seconds, so that the demo fits them where it needs them."""
FLOOR = "mean_colour"


@dataclass(frozen=True, eq=False)
class Sent:
    """A photo that went through the shards.

    Attributes:
        pipeline: how it went.
        model_input: the resized photo, uint8 [h, w, 3].
        mask: of what the prompt means, bool [H, W] in pixels of the photo.
        agreement: IoU of the mask with that of the model in one piece.
        seen: by all shards.
        real: the same without decoys, which the edge alone can tell.
        traffic: bytes and rounds.
        pids: process of each shard.
    """

    pipeline: Pipeline
    model_input: Image
    mask: Mask
    agreement: float
    seen: Observation
    real: Observation
    traffic: Traffic
    pids: Sequence[int]


@dataclass(frozen=True, eq=False)
class View:
    """What one shard reads without an attack: its windows, copied or inverted; the rest grey.

    Attributes:
        share: of the picture's pixels, 0 to 1.
        picture: uint8 [h, w, 3].
    """

    share: float
    picture: Image


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A picture that an attack made.

    Attributes:
        picture: uint8 [h, w, 3].
        psnr: dB by region; None where a region is empty.
    """

    attack: str
    picture: Image
    psnr: Region


@dataclass(frozen=True, eq=False)
class Leakage:
    """What a coalition has of the picture.

    Attributes:
        shards: the coalition, from 0.
        share: of the picture's pixels that it received, 0 to 1.
        object_share: of the mask's pixels; None where the mask is empty.
        floor: PSNR of the mean colour of public photos, dB by region.
        reconstructions: by every attack that is ready, closest to the whole picture first; none
            where nothing left the edge.
        refused: attacks that cannot be tried here, with the reason.
    """

    shards: tuple[int, ...]
    share: float
    object_share: float | None
    floor: Region
    reconstructions: list[Reconstruction]
    refused: dict[str, str]


class Workbench:
    """The edge, its servers and the attackers of one demo; one call at a time.

    Args:
        model, checkpoint: as in `build_sam`.
        servers: where shards run.

    Raises:
        PedbenchError: unknown model; missing or foreign checkpoint.
    """

    def __init__(self, model: str, checkpoint: str | None, servers: ShardProcesses) -> None:
        self.servers = servers
        self.models = Models(model, checkpoint)
        public = [open_dataset(spec) for spec in load_preset("quick").public]
        self.attackers = Attackers(self.models, public)
        self._whole: tuple[Image, Prompt, Mask] | None = None

    def send(self, photo: Image, prompt: Prompt, pipeline: Pipeline, seed: int) -> Sent:
        """Segment a photo over shard processes.

        Args:
            photo: uint8 [H, W, 3].
            seed: of assignment and noise.

        Raises:
            PedbenchError: the prompt is off the photo, the pipeline cannot be, or a server failed.
        """
        prompt.check(photo.shape[1], photo.shape[0])
        sam = self.models.get(pipeline.adapted)
        remote = self.servers.remote(sam.arch.name, pipeline.n_shards)
        predictor = build_predictor(sam, pipeline, seed, remote)
        predictor.set_image(photo)
        mask = predictor.predict(**prompt.arguments)[0][0]
        return Sent(
            pipeline,
            ResizeLongestSide(sam.arch.img_size).apply_image(photo),
            mask,
            iou(mask, self._in_one_piece(photo, prompt)),
            predictor.observation(),
            predictor.observation(decoys=False),
            predictor.traffic,
            self.servers.pids(sam.arch.name)[: pipeline.n_shards],
        )

    def views(self, sent: Sent) -> list[View]:
        """What each shard reads of what it was sent, in the order of the shards."""
        inverse = patch_inverse(self.models.get(sent.pipeline.adapted))
        pixels = exposure(sent.real)
        total = sent.model_input.shape[0] * sent.model_input.shape[1]
        grey = np.full(3, HIDDEN_GREY, np.float32)
        return [
            View(
                pixels[shard] / total,
                visible_canvas(sent.seen.restrict([shard]), inverse).completed(grey),
            )
            for shard in sent.seen.shards
        ]

    def attack(self, sent: Sent, coalition: int) -> Leakage:
        """Try every attack that is ready on what a coalition saw, and score the pictures.

        Args:
            coalition: number of colluding shards, those that received most.

        Raises:
            PedbenchError: there are not so many shards.
        """
        shards = largest_exposure(sent.real, coalition)
        visible = sent.seen.grid.pixel_mask(sent.real.restrict(shards).visible)
        regions = {"hidden": ~visible, "visible": visible, "full": np.ones_like(visible)}
        seen = sent.seen.restrict(shards)
        threat = ThreatModel(coalition=coalition)
        pictures: dict[str, Image] = {}
        refused: dict[str, str] = {}
        names = self._names(sent.pipeline.defence) if seen.messages else []
        for name in (FLOOR, *names):
            try:
                pictures[name] = self._picture(AttackCell(sent.pipeline, threat, name), seen)
            except PedbenchError as reason:
                refused[name] = str(reason)
        table = METRICS.get("psnr")().score_many(
            sent.model_input, list(pictures.values()), list(regions.values())
        )
        made = [
            Reconstruction(name, picture, dict(zip(regions, scores, strict=True)))
            for (name, picture), scores in zip(pictures.items(), table, strict=True)
        ]
        floor, *others = made
        return Leakage(
            shards,
            visible_fraction(visible),
            object_coverage(sent.mask[None], [visible])[0],
            floor.psnr,
            sorted(others, key=lambda made: made.psnr["full"] or 0.0, reverse=True),
            refused,
        )

    def _in_one_piece(self, photo: Image, prompt: Prompt) -> Mask:
        """The mask of the model that is not split; kept for the last photo and prompt."""
        if self._whole is None or self._whole[0] is not photo or self._whole[1] != prompt:
            whole = build_predictor(self.models.get(), Pipeline(plan="local"), 0)
            whole.set_image(photo)
            self._whole = photo, prompt, whole.predict(**prompt.arguments)[0][0]
        return self._whole[2]

    def _names(self, defence: str) -> list[str]:
        return [
            name
            for name, attack in ATTACKS.items()
            if attack.kind in KINDS and (not attack.undoes or defence in attack.undoes)
        ]

    def _picture(self, cell: AttackCell, seen: Observation) -> Image:
        """The picture of an attack that is ready.

        Raises:
            Unsupported: it is not, or cannot be asked of this attacker.
        """
        kind = ATTACKS.get(cell.attack)
        reason = (
            self.attackers.unsupported(cell)
            or unsupported_reason(kind, cell.threat, seen)
            or self._untrained(kind, cell)
        )
        if reason is not None:
            raise Unsupported(reason)
        return reconstruction(self.attackers.get(cell), seen)

    def _untrained(self, kind: type[Attack], cell: AttackCell) -> str | None:
        if not kind.needs_training or cell.attack in CLOSED_FORM:
            return None
        missing = self.attackers.untrained([cell])
        return f"attack '{cell.attack}' is not trained for this setting" if missing else None
