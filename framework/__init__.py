"""Distributed inference of the Segment Anything Model over servers that do not collude."""

from framework.edge import DistributedEncoder, Traffic
from framework.errors import PedbenchError
from framework.models.build import build_sam
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
    "build_sam",
]
