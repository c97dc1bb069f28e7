"""Distributed inference of the Segment Anything Model over servers that do not collude."""

from typing import TYPE_CHECKING

from framework.lazy import lazy_names

if TYPE_CHECKING:
    from framework.edge import DistributedEncoder, Traffic
    from framework.errors import PedbenchError
    from framework.models.adopt import adopt
    from framework.models.build import build_sam
    from framework.models.transformers_sam import from_transformers
    from framework.observation import Observation
    from framework.predictor import DistributedSamPredictor
    from framework.shard.remote import GrpcShards
    from framework.shard.tls import Tls
    from framework.shard.transport import LocalShards

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
        "DistributedEncoder": "framework.edge",
        "DistributedSamPredictor": "framework.predictor",
        "GrpcShards": "framework.shard.remote",
        "LocalShards": "framework.shard.transport",
        "Observation": "framework.observation",
        "PedbenchError": "framework.errors",
        "Tls": "framework.shard.tls",
        "Traffic": "framework.edge",
        "adopt": "framework.models.adopt",
        "build_sam": "framework.models.build",
        "from_transformers": "framework.models.transformers_sam",
    },
)
