"""`DistributedSamPredictor`: `segment_anything`'s predictor over a distributed encoder."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import SamPredictor
from torch import Tensor

from framework.defences.base import Defence
from framework.edge import DistributedEncoder, Traffic
from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.observation import Observation
from framework.policies.base import Policy
from framework.shard.transport import Shards


class DistributedSamPredictor(SamPredictor):
    """Methods and results of ``SamPredictor``; only the encoder runs elsewhere.

    It can be set as ``SamAutomaticMaskGenerator(sam).predictor``.

    Args:
        sam: from `build_sam`.
        shards: `LocalShards` or another transport.
        plan, policy, payload, defence, seed: as in `DistributedEncoder`.
    """

    model: PedSam

    def __init__(
        self,
        sam: PedSam,
        shards: Shards,
        *,
        plan: str = "interleaved",
        policy: str | Policy = "sticky",
        payload: str = "float32",
        defence: str | Defence = "none",
        seed: int | None = None,
    ) -> None:
        super().__init__(sam)
        self.encoder = DistributedEncoder(
            sam, shards, plan=plan, policy=policy, payload=payload, defence=defence, seed=seed
        )

    def set_image(self, image: NDArray[np.uint8], image_format: str = "RGB") -> None:
        """Encode a photo: uint8 [height, width, 3].

        Raises:
            PedbenchError: the array is not such a photo, or is so narrow that nothing is left of
                its shorter side after resizing.
        """
        image = np.asarray(image)
        if image.shape[2:] != (3,) or image.dtype != np.uint8 or 0 in image.shape:
            raise PedbenchError(
                f"the image is {image.dtype} {image.shape}: give uint8 [height, width, 3]"
            )
        side = self.model.image_encoder.img_size
        if min(self.transform.get_preprocess_shape(*image.shape[:2], side)) < 1:
            raise PedbenchError(
                f"the image of {image.shape[1]}x{image.shape[0]} pixels is too narrow: "
                "crop its longer side"
            )
        super().set_image(image, image_format)

    @torch.no_grad()
    def set_torch_image(
        self, transformed_image: Tensor, original_image_size: tuple[int, ...]
    ) -> None:
        """Encode a photo that is resized already: [1, 3, h, w] with values 0 to 255.

        Values are rounded to whole numbers, as a frame is uint8; stock SAM keeps fractions.

        Raises:
            PedbenchError: the shape is another.
        """
        side = self.model.image_encoder.img_size
        shape = tuple(transformed_image.shape)
        if len(shape) != 4 or shape[:2] != (1, 3) or max(shape[2:]) != side:
            raise PedbenchError(
                f"the resized image is {shape}: give [1, 3, h, w] with longest side {side}"
            )
        self.reset_image()
        self.original_size = original_image_size
        self.input_size = shape[2:]
        frame = transformed_image[0].permute(1, 2, 0).cpu().numpy()
        self.features = self.encoder(np.clip(np.rint(frame), 0, 255).astype(np.uint8)).clone()
        self.is_image_set = True

    @property
    def traffic(self) -> Traffic:
        """``bytes_up``, ``bytes_down`` and ``rounds`` of the last ``set_image``."""
        return self.encoder.traffic

    def observation(self) -> Observation:
        """What all servers together saw of the last image."""
        return self.encoder.observation()
