"""Where windows stand, when the coalition is not told: from their edges, or from their tokens."""

from attacks.jigsaw.compatibility import dissimilarity
from attacks.jigsaw.placement import assemble
from attacks.jigsaw.positions import PositionPredictor
from attacks.jigsaw.scores import JigsawScores, score

__all__ = ["JigsawScores", "PositionPredictor", "assemble", "dissimilarity", "score"]
