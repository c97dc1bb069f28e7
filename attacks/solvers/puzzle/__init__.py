"""Where windows stand, when the coalition is not told: from their edges, or from their tokens."""

from attacks.solvers.puzzle.compatibility import dissimilarity
from attacks.solvers.puzzle.placement import assemble
from attacks.solvers.puzzle.positions import PositionPredictor

__all__ = ["PositionPredictor", "assemble", "dissimilarity"]
