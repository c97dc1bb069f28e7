"""Distributed inference of the Segment Anything Model over servers that do not collude."""

from typing import TYPE_CHECKING

from framework.lazy import lazy_names

if TYPE_CHECKING:
    from framework.errors import PedbenchError
    from framework.models.build import build_sam
    from framework.models.interop.adopt import adopt
    from framework.models.interop.transformers_sam import from_transformers
    from framework.split.edge import DistributedEncoder
    from framework.split.observation import Observation
    from framework.split.predictor import DistributedSamPredictor
    from framework.split.recording import Traffic
    from framework.transport.base import LocalShards
    from framework.transport.grpc.client.remote import GrpcShards
    from framework.transport.grpc.security.tls import Tls

__all__ = [
    "DistributedEncoder",
    "DistributedSamPredictor",
    "GrpcShards",
    "LocalShards",
    "Observation",
    "PedbenchError",
    "Tls",
    "Traffic",
    "adopt",
    "build_sam",
    "from_transformers",
]

__getattr__ = lazy_names(
    __name__,
    {
        "DistributedEncoder": "framework.split.edge",
        "DistributedSamPredictor": "framework.split.predictor",
        "GrpcShards": "framework.transport.grpc.client.remote",
        "LocalShards": "framework.transport.base",
        "Observation": "framework.split.observation",
        "PedbenchError": "framework.errors",
        "Tls": "framework.transport.grpc.security.tls",
        "Traffic": "framework.split.recording",
        "adopt": "framework.models.interop.adopt",
        "build_sam": "framework.models.build",
        "from_transformers": "framework.models.interop.transformers_sam",
    },
)
