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
    from attacks.threat import ThreatModel
    from bench.datasets.base import DATASETS, Dataset, Sample
    from bench.metrics.base import METRICS, Metric
    from bench.recognition.base import RECOGNISERS, Recogniser
    from framework.defences.base import DEFENCES, Defence
    from framework.edge import DistributedEncoder, Traffic
    from framework.errors import PedbenchError
    from framework.models.adopt import adopt
    from framework.models.build import build_sam
    from framework.models.transformers_sam import from_transformers
    from framework.observation import Observation
    from framework.policies.base import POLICIES, Policy
    from framework.predictor import DistributedSamPredictor
    from framework.shard.remote import GrpcShards
    from framework.shard.tls import Tls
    from framework.shard.transport import LocalShards, Shards

_HOMES = {
    "ATTACKS": "attacks.base",
    "Attack": "attacks.base",
    "DATASETS": "bench.datasets.base",
    "DEFENCES": "framework.defences.base",
    "Dataset": "bench.datasets.base",
    "Defence": "framework.defences.base",
    "DistributedEncoder": "framework.edge",
    "DistributedSamPredictor": "framework.predictor",
    "GrpcShards": "framework.shard.remote",
    "Knowledge": "attacks.base",
    "LocalShards": "framework.shard.transport",
    "METRICS": "bench.metrics.base",
    "Metric": "bench.metrics.base",
    "Observation": "framework.observation",
    "POLICIES": "framework.policies.base",
    "PedbenchError": "framework.errors",
    "Policy": "framework.policies.base",
    "PublicExample": "attacks.base",
    "RECOGNISERS": "bench.recognition.base",
    "Recogniser": "bench.recognition.base",
    "Sample": "bench.datasets.base",
    "Shards": "framework.shard.transport",
    "ThreatModel": "attacks.threat",
    "Tls": "framework.shard.tls",
    "Traffic": "framework.edge",
    "adopt": "framework.models.adopt",
    "build_sam": "framework.models.build",
    "from_transformers": "framework.models.transformers_sam",
}

__all__ = [
    "ATTACKS",
    "DATASETS",
    "DEFENCES",
    "METRICS",
    "POLICIES",
    "RECOGNISERS",
    "Attack",
    "Dataset",
    "Defence",
    "DistributedEncoder",
    "DistributedSamPredictor",
    "GrpcShards",
    "Knowledge",
    "LocalShards",
    "Metric",
    "Observation",
    "PedbenchError",
    "Policy",
    "PublicExample",
    "Recogniser",
    "Sample",
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
