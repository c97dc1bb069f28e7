"""ONNX Runtime in PyTorch's place for the encoder, on shards and edge alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING

import torch
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor

from framework.models.architectures import Architecture
from framework.models.block import map_windows
from framework.models.encoders.sam_vit import SamVit
from framework.models.onnx.export import Kind, Part, encoder_parts
from framework.models.onnx.files import cached_graph

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class OnnxRuntime(SamVit):
    """Runs exported graphs on the CPU; they are exported on first use and kept in the cache.

    A graph holds a stage: all window blocks between two global ones. Part of a stage, which no
    plan asks for, and whatever needs gradients run in PyTorch.

    Args:
        encoder: float32, with folded attention.
        arch: its architecture.

    Raises:
        PedbenchError: on use, the cache cannot be written.
    """

    def __init__(self, encoder: ImageEncoderViT, arch: Architecture) -> None:
        super().__init__(encoder)
        self.arch = arch
        parts = list(encoder_parts(arch))
        self.parts = {part.blocks[0]: part for part in parts if part.blocks}
        self._sessions: dict[Part, InferenceSession] = {}
        self._threads = 0
        self._lock = Lock()

    def prepare(self) -> None:
        for part in encoder_parts(self.arch):
            cached_graph(part, self.module, self.arch)

    def embed(self, image: Tensor) -> Tensor:
        if _in_training(image):
            return super().embed(image)
        return self._run(Part(Kind.EMBED), image)

    def windows(
        self, blocks: Sequence[int], tokens: Tensor, source: Tensor, slots: Tensor
    ) -> Tensor:
        if _in_training(tokens):
            return super().windows(blocks, tokens, source, slots)
        for part in self._cut(blocks):
            if part.kind is Kind.WINDOWS and part == self.parts.get(part.blocks[0]):
                tokens = self._run(part, tokens, source, slots)
            else:
                tokens = super().windows(part.blocks, tokens, source, slots)
        return tokens

    def maps(self, blocks: Sequence[int], tokens: Tensor) -> Tensor:
        if _in_training(tokens):
            return super().maps(blocks, tokens)
        for part in self._cut(blocks):
            if part.kind is Kind.GLOBAL:
                tokens = self._run(part, tokens)
            else:
                places = map_windows(tuple(tokens.shape[:3]), self.arch.window_size)
                found = self.windows(part.blocks, tokens.flatten(0, 2), *places)
                tokens = found.view(tokens.shape)
        return tokens

    def neck(self, tokens: Tensor) -> Tensor:
        return super().neck(tokens) if _in_training(tokens) else self._run(Part(Kind.NECK), tokens)

    def _cut(self, blocks: Sequence[int]) -> Iterator[Part]:
        """Exported parts where whole ones are asked for, and single blocks where they are not."""
        left = tuple(blocks)
        while left:
            part = self.parts.get(left[0], Part(Kind.WINDOWS, left[:1]))
            if left[: len(part.blocks)] != part.blocks:
                part = Part(Kind.WINDOWS, left[:1])
            yield part
            left = left[len(part.blocks) :]

    def _run(self, part: Part, *inputs: Tensor) -> Tensor:
        arrays = [each.detach().cpu().contiguous().numpy() for each in inputs]
        [found] = self._session(part).run(None, dict(zip(part.inputs, arrays, strict=True)))
        return torch.from_numpy(found).to(inputs[0].device)

    def _session(self, part: Part) -> InferenceSession:
        """A part ready to run, with as many threads as PyTorch has now."""
        with self._lock:
            if self._threads != torch.get_num_threads():
                self._sessions.clear()
                self._threads = torch.get_num_threads()
            if part not in self._sessions:
                self._sessions[part] = self._open(part)
            return self._sessions[part]

    def _open(self, part: Part) -> InferenceSession:
        # An extra: most installations lack it.
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        path = cached_graph(part, self.module, self.arch)
        return InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _in_training(x: Tensor) -> bool:
    return torch.is_grad_enabled() and x.requires_grad
