"""The public models that query-free attackers of a run learn from."""

from __future__ import annotations

from functools import lru_cache

from attacks.query_free.public_model import published_substitute
from bench.runner.pipelines import Models, Unsupported
from bench.runner.provenance import weights_label
from framework.errors import PedbenchError
from framework.models.build import PedSam


class Substitutes:
    """One for the run's model and one for its adapted twin, found when first asked for.

    Args:
        models: the models under attack.
    """

    def __init__(self, models: Models) -> None:
        self.models = models
        self._found = lru_cache(maxsize=None)(self._find)

    def get(self, adapted: bool) -> PedSam | None:
        """The substitute; ``None`` where there is none.

        Raises:
            Unsupported: there is no model to stand in for.
        """
        found = self._found(adapted)
        return None if isinstance(found, str) else found

    def missing(self, adapted: bool) -> str | None:
        """Why there is none, in one line; ``None`` where there is one."""
        try:
            found = self._found(adapted)
        except Unsupported as error:
            return str(error)
        return found if isinstance(found, str) else None

    def label(self, adapted: bool) -> str:
        """Source and short hash of its weights, or why there is none."""
        missing = self.missing(adapted)
        if missing is not None:
            return missing
        found = self.get(adapted)
        assert found is not None
        return weights_label(found)

    def _find(self, adapted: bool) -> PedSam | str:
        target = self.models.get(adapted)
        try:
            return published_substitute(target)
        except PedbenchError as error:
            return str(error)
