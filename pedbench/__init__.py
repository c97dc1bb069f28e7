"""The public names of pedbench, in one place.

    import pedbench

    predictor = pedbench.DistributedSamPredictor(pedbench.build_sam(), pedbench.LocalShards(4))

Each name is imported when it is first used, so that ``import pedbench`` takes no time.
"""

from typing import TYPE_CHECKING

from bench import __version__
from framework.lazy import lazy_names

if TYPE_CHECKING:
    from attacks.base import ATTACKS, Attack, Knowledge, PublicExample
    from attacks.threat_models.base import THREATS, ThreatModel
    from bench.datasets.base import DATASETS, Dataset, Sample
    from bench.metrics.base import METRICS, Metric
    from bench.metrics.segmentation import SEGMENTATION_METRICS, SegmentationMetric
    from bench.recognition.base import RECOGNISERS, Recogniser
    from bench.report.base import FIGURES, TABLES, ReportFigure, ReportTable
    from framework.errors import PedbenchError
    from framework.models.architectures import Architecture
    from framework.models.build import build_sam
    from framework.models.encoder import ENCODERS, Encoder
    from framework.models.interop.adopt import adopt
    from framework.models.interop.transformers_sam import from_transformers
    from framework.split.defences.base import DEFENCES, Defence
    from framework.split.edge import DistributedEncoder
    from framework.split.observation import Observation
    from framework.split.policies.base import POLICIES, Policy
    from framework.split.predictor import DistributedSamPredictor
    from framework.split.recording import Traffic
    from framework.transport.base import LocalShards, Shards
    from framework.transport.grpc.client.remote import GrpcShards
    from framework.transport.grpc.security.tls import Tls

_HOMES = {
    "ATTACKS": "attacks.base",
    "Architecture": "framework.models.architectures",
    "Attack": "attacks.base",
    "DATASETS": "bench.datasets.base",
    "DEFENCES": "framework.split.defences.base",
    "Dataset": "bench.datasets.base",
    "Defence": "framework.split.defences.base",
    "DistributedEncoder": "framework.split.edge",
    "DistributedSamPredictor": "framework.split.predictor",
    "ENCODERS": "framework.models.encoder",
    "Encoder": "framework.models.encoder",
    "FIGURES": "bench.report.base",
    "GrpcShards": "framework.transport.grpc.client.remote",
    "Knowledge": "attacks.base",
    "LocalShards": "framework.transport.base",
    "METRICS": "bench.metrics.base",
    "Metric": "bench.metrics.base",
    "Observation": "framework.split.observation",
    "POLICIES": "framework.split.policies.base",
    "PedbenchError": "framework.errors",
    "Policy": "framework.split.policies.base",
    "PublicExample": "attacks.base",
    "RECOGNISERS": "bench.recognition.base",
    "Recogniser": "bench.recognition.base",
    "ReportFigure": "bench.report.base",
    "ReportTable": "bench.report.base",
    "SEGMENTATION_METRICS": "bench.metrics.segmentation",
    "Sample": "bench.datasets.base",
    "SegmentationMetric": "bench.metrics.segmentation",
    "Shards": "framework.transport.base",
    "TABLES": "bench.report.base",
    "THREATS": "attacks.threat_models.base",
    "ThreatModel": "attacks.threat_models.base",
    "Tls": "framework.transport.grpc.security.tls",
    "Traffic": "framework.split.recording",
    "adopt": "framework.models.interop.adopt",
    "build_sam": "framework.models.build",
    "from_transformers": "framework.models.interop.transformers_sam",
}

__all__ = [
    "ATTACKS",
    "DATASETS",
    "DEFENCES",
    "ENCODERS",
    "FIGURES",
    "METRICS",
    "POLICIES",
    "RECOGNISERS",
    "SEGMENTATION_METRICS",
    "TABLES",
    "THREATS",
    "Architecture",
    "Attack",
    "Dataset",
    "Defence",
    "DistributedEncoder",
    "DistributedSamPredictor",
    "Encoder",
    "GrpcShards",
    "Knowledge",
    "LocalShards",
    "Metric",
    "Observation",
    "PedbenchError",
    "Policy",
    "PublicExample",
    "Recogniser",
    "ReportFigure",
    "ReportTable",
    "Sample",
    "SegmentationMetric",
    "Shards",
    "ThreatModel",
    "Tls",
    "Traffic",
    "__version__",
    "adopt",
    "build_sam",
    "from_transformers",
]

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
