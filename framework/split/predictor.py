"""`DistributedSamPredictor`: `segment_anything`'s predictor over a distributed encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import SamPredictor
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor

from framework.compute.finite import check_finite
from framework.errors import PedbenchError
from framework.exposure.scene import Scene, View
from framework.models.build import PedSam
from framework.models.interop import embedding_file
from framework.models.interop.adopt import adopt, check_decoder
from framework.models.interop.embedding_file import Embedding
from framework.split.defences.base import Defence
from framework.split.edge import DistributedEncoder
from framework.split.observation import Observation
from framework.split.policies.base import Policy
from framework.split.recording import Traffic
from framework.transport.base import Shards


class Resize(ResizeLongestSide):
    """Stock's, with coordinates in float32: Apple's GPUs have no float64."""

    def apply_coords(
        self, coords: NDArray[Any], original_size: tuple[int, ...]
    ) -> NDArray[np.float32]:
        """Coordinates [..., 2] of a photo of ``original_size`` in its resized frame."""
        return super().apply_coords(coords, original_size).astype(np.float32)


class DistributedSamPredictor(SamPredictor):
    """Methods and results of ``SamPredictor``; only the encoder runs elsewhere.

    It can be set as ``SamAutomaticMaskGenerator(sam).predictor``.

    Args:
        sam: from `build_sam`, or any `segment_anything` SAM (`framework.models.interop.adopt`).
        shards: `LocalShards` or another transport.
        plan, policy, payload, defence, seed, policy_key: as in `DistributedEncoder`.
    """

    model: PedSam

    def __init__(
        self,
        sam: Sam,
        shards: Shards,
        *,
        plan: str = "interleaved",
        policy: str | Policy = "sticky",
        payload: str = "float32",
        defence: str | Defence = "none",
        seed: int | None = None,
        policy_key: bytes | None = None,
    ) -> None:
        model = adopt(sam)
        check_decoder(model)
        super().__init__(model)
        self.transform = Resize(model.image_encoder.img_size)
        self.encoder = DistributedEncoder(
            model,
            shards,
            plan=plan,
            policy=policy,
            payload=payload,
            defence=defence,
            seed=seed,
            policy_key=policy_key,
        )
        self._scene: Scene | None = None
        self._located: View | None = None

    @contextmanager
    def scene(
        self, image: NDArray[np.uint8], name: str | None = None, image_format: str = "RGB"
    ) -> Iterator[None]:
        """Count the exposure of all pictures set within as that of one scene.

        Numpy views of ``image``, as ``SamAutomaticMaskGenerator`` makes them, and equal copies find
        their place by themselves (`Scene.locate`). For frames of a fixed camera, open a scene with
        each frame, all with one name. Outside a scene, each picture is its own, named by its
        content.

        Args:
            image: the whole scene, uint8 [height, width, 3].
            name: under which exposure adds up over sessions; by content when not given.
            image_format: order of the channels, RGB or BGR.

        Raises:
            PedbenchError: the array is not a photo, or the order is another.
        """
        outer, self._scene = self._scene, Scene(_rgb(_photo(image), image_format), name)
        try:
            yield
        finally:
            self._scene = outer

    def set_image(
        self,
        image: NDArray[np.uint8],
        image_format: str = "RGB",
        origin: tuple[int, int] | None = None,
    ) -> None:
        """Encode a photo: uint8 [height, width, 3].

        Args:
            image_format: order of the channels, RGB or BGR.
            origin: top and left of a copied crop within the `scene`.

        Raises:
            PedbenchError: the array is not such a photo, is so narrow that nothing is left of
                its shorter side after resizing, cannot be located in the scene, or is a view of it
                with red and blue exchanged.
        """
        image = self._checked(image, image_format)
        self._located = self._locate(image, origin)
        try:
            super().set_image(image, "RGB")
        finally:
            self._located = None

    def encode_images(
        self, images: Sequence[NDArray[np.uint8]], image_format: str = "RGB"
    ) -> list[Embedding]:
        """Encode several photos in one batch; `set_embedding` then makes one of them current.

        Args:
            images: at least one, each as for `set_image`; shapes may differ.
            image_format: order of the channels, RGB or BGR.

        Raises:
            PedbenchError: as for `set_image`; or there is none.
        """
        photos = [self._checked(image, image_format) for image in images]
        frames = [self.transform.apply_image(photo) for photo in photos]
        views = [self._locate(photo, None) for photo in photos]
        features = self.encoder.encode_batch(frames, views).clone()
        return [
            Embedding(one, photo.shape[:2], frame.shape[:2])
            for one, photo, frame in zip(features.split(1), photos, frames, strict=True)
        ]

    def _checked(self, image: NDArray[np.uint8], image_format: str) -> NDArray[np.uint8]:
        image = _rgb(_photo(image), image_format)
        side = self.model.image_encoder.img_size
        if min(self.transform.get_preprocess_shape(*image.shape[:2], side)) < 1:
            raise PedbenchError(
                f"the image of {image.shape[1]}x{image.shape[0]} pixels is too narrow: "
                "crop its longer side"
            )
        return image

    def _locate(self, image: NDArray[np.uint8], origin: tuple[int, int] | None) -> View:
        if self._scene is not None:
            if _channels_swapped(image, self._scene.image):
                raise PedbenchError(
                    "the picture is a view of the scene with red and blue exchanged: give scene() "
                    "and set_image() the image_format that each array has"
                )
            return self._scene.locate(image, origin)
        if origin is not None:
            raise PedbenchError("an origin needs a scene: set the image within predictor.scene()")
        return View.alone(image)

    @torch.no_grad()
    def set_torch_image(
        self, transformed_image: Tensor, original_image_size: tuple[int, ...]
    ) -> None:
        """Encode a photo that is resized already: [1, 3, h, w] with values 0 to 255.

        Values are rounded to whole numbers, as a frame is uint8; stock SAM keeps fractions.

        Raises:
            PedbenchError: the shape is another, or it is not the whole of the scene.
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
        values = transformed_image[0].permute(1, 2, 0).cpu().numpy()
        frame = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        view = self._located or self._whole(frame)
        self.features = self.encoder(frame, view).clone()
        self.is_image_set = True

    @torch.no_grad()
    def predict_torch(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
        """As ``SamPredictor``'s, on which every way to a mask ends.

        Raises:
            NotFinite: the mask decoder gave NaN or infinity, so that no mask can be told.
        """
        masks, quality, logits = super().predict_torch(*args, **kwargs)
        for values in (quality, logits):
            check_finite(values, "the mask decoder's result", self.model)
        return masks, quality, logits

    def _whole(self, frame: NDArray[np.uint8]) -> View:
        """Where a picture lies of which nothing but the resized frame is known."""
        height, width = self.original_size
        if self._scene is None:
            return View.alone(frame, (height, width))
        if self._scene.size != (height, width):
            raise PedbenchError("a resized crop cannot be located in a scene: give set_image it")
        return self._scene.locate_frame(frame, self.transform.apply_image(self._scene.image))

    def save_embedding(self, path: str | Path) -> Path:
        """Keep the photo's embedding as ``.safetensors``, for prompts at another time.

        Raises:
            PedbenchError: no photo was set, or the file cannot be written.
        """
        if not self.is_image_set:
            raise PedbenchError("there is no embedding yet: call set_image first")
        (height, width), (rows, columns) = self.original_size, self.input_size
        embedding = Embedding(self.features, (height, width), (rows, columns))
        return embedding_file.save(Path(path), embedding, self.model)

    def load_embedding(self, path: str | Path) -> None:
        """Go on with a photo whose embedding was kept; nothing leaves the edge.

        Raises:
            PedbenchError: the file is missing, damaged, or belongs to another model.
        """
        self.set_embedding(embedding_file.load(Path(path), self.model))

    def set_embedding(self, embedding: Embedding) -> None:
        """Go on with a photo that was encoded before; nothing leaves the edge."""
        self.reset_image()
        self.features = embedding.features.to(self.device)
        self.original_size, self.input_size = embedding.original_size, embedding.input_size
        self.is_image_set = True

    @property
    def view(self) -> View | None:
        """Where the last image lies in its scene; None before the first."""
        return self.encoder.last.view

    @property
    def traffic(self) -> Traffic:
        """``bytes_up``, ``bytes_down`` and ``rounds`` of the last ``set_image``."""
        return self.encoder.traffic

    def observation(self, *, decoys: bool = True) -> Observation:
        """What all servers together saw of the last image; as in `DistributedEncoder`."""
        return self.encoder.observation(decoys=decoys)


def _rgb(image: NDArray[np.uint8], image_format: str) -> NDArray[np.uint8]:
    if image_format not in ("RGB", "BGR"):
        raise PedbenchError(f"unknown image format '{image_format}': give RGB or BGR")
    return image if image_format == "RGB" else image[..., ::-1]


def _channels_swapped(image: NDArray[np.uint8], whole: NDArray[np.uint8]) -> bool:
    """Whether both show the same memory, in opposite order of the channels."""
    opposite = (image.strides[2] < 0) != (whole.strides[2] < 0)
    return opposite and np.may_share_memory(image, whole)


def _photo(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = np.asarray(image)
    if image.shape[2:] != (3,) or image.dtype != np.uint8 or 0 in image.shape:
        raise PedbenchError(
            f"the image is {image.dtype} {image.shape}: give uint8 [height, width, 3]"
        )
    return image
