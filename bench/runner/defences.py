"""The weights of defences that a run's pipelines name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.runner.models import Models, NotAdapted
from bench.spec.cells import Pipeline
from bench.spec.config import RunConfig
from framework.errors import PedbenchError
from framework.models.build import PedSam
from framework.split.defences import make_defence
from framework.split.defences.trained.base import TrainedDefence


@dataclass(frozen=True)
class Trained:
    """A defence with weights of its own, for one model and split plan.

    Attributes:
        defence: the defence.
        sam: the model whose edge it defends.
        plan: name of the split plan.
    """

    defence: TrainedDefence
    sam: PedSam
    plan: str

    @property
    def path(self) -> Path:
        """The file of the weights."""
        return self.defence.path(self.sam, self.plan)


def trained_defences(pipelines: Iterable[Pipeline], models: Models) -> Iterator[Trained]:
    """The defences with weights among those of ``pipelines``, those without a model left out."""
    for pipeline in dict.fromkeys(pipelines):
        defence = make_defence(pipeline.defence, pipeline.strength or None)
        if isinstance(defence, TrainedDefence):
            try:
                yield Trained(defence, models.get(pipeline.adapted), pipeline.plan)
            except NotAdapted:
                continue


def pipelines_of(config: RunConfig) -> list[Pipeline]:
    """The pipelines of a run's cells."""
    return [cell.pipeline for cell in config.cells()]


def check_trained(config: RunConfig, models: Models) -> None:
    """Refuse a run whose defences have no weights yet.

    Raises:
        PedbenchError: a defence is not trained, or the run has another precision than float32.
    """
    found = list(trained_defences(pipelines_of(config), models))
    for each in found:
        each.defence.check_precision(each.sam)
    missing = {each.path: each for each in found if not each.path.is_file()}
    if missing:
        first = next(iter(missing.values()))
        checkpoint = f" --checkpoint {config.checkpoint}" if config.checkpoint else ""
        command = f"{first.defence.command(first.sam, first.plan)}{checkpoint}"
        raise PedbenchError(
            f"defences without weights: {len(missing)}, the first '{first.defence.name}' at "
            f"{first.defence.strength:g}: {command}; "
            "pedbench defend --preset PRESET trains all of a preset"
        )


def defence_weights(config: RunConfig, models: Models) -> dict[str, str]:
    """Hashes of the weights of a run's trained defences, by the names of their files."""
    return {
        each.path.stem: each.defence.weights(each.sam, each.plan)
        for each in trained_defences(pipelines_of(config), models)
    }
