"""What a server computes with, and whether that is what the edge computes with."""

from __future__ import annotations

from framework.models.build import PedSam
from framework.models.fingerprint import encoder_hash
from framework.transport.grpc.protocol.proto import shard_pb2 as pb

PROTOCOL = 1
"""Changes whenever an older peer would misread a message."""

_NUMBERS = ("img_size", "patch_size", "window_size", "width", "depth", "heads")


def describe(sam: PedSam) -> pb.Metadata:
    """The metadata of a server that holds ``sam``."""
    arch = sam.arch
    return pb.Metadata(
        protocol=PROTOCOL,
        model=arch.name,
        weights_sha256=encoder_hash(sam),
        global_blocks=arch.global_blocks,
        **{name: getattr(arch, name) for name in _NUMBERS},
    )


def mismatch(ours: pb.Metadata, theirs: pb.Metadata) -> str:
    """Why a server with ``theirs`` cannot work for an edge with ``ours``; empty if it can."""
    if theirs.protocol != ours.protocol:
        return (
            f"speaks protocol {theirs.protocol}, this edge {ours.protocol}: "
            "install the same pedbench on both"
        )
    differing = [name for name in _NUMBERS if getattr(theirs, name) != getattr(ours, name)]
    if differing or list(theirs.global_blocks) != list(ours.global_blocks):
        named = theirs.model.isidentifier() and theirs.model.isascii() and len(theirs.model) <= 40
        name = theirs.model if named else "another model"
        return f"serves {name}, this edge has {ours.model}: start it with --model {ours.model}"
    if theirs.weights_sha256 != ours.weights_sha256:
        return (
            f"serves other weights ({theirs.weights_sha256.hex()[:12]}, this edge has "
            f"{ours.weights_sha256.hex()[:12]}): start it with the edge's --checkpoint"
        )
    return ""
