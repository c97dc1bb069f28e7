"""How long a preset takes as it stands: with an empty cache, and its own data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby

from bench.attackers.fitting import Attackers
from bench.datasets import open_dataset
from bench.runner.context import Task, default_workers
from bench.runner.engines import open_engine
from bench.runner.forecast.forecast import Forecast, duration, trained_from_nothing
from bench.runner.forecast.rates import Rates, place_of, read_rates
from bench.runner.models import Models
from bench.spec.cells import AttackCell, Cell
from bench.spec.config import RunConfig
from bench.words import plural
from framework.compute.devices import usable_device
from framework.models.checkpoint import OFFICIAL


def typical(config: RunConfig) -> str:
    """Cells of a preset, and the time that all of its photos take with an empty cache.

    Raises:
        PedbenchError: its data are missing.
    """
    forecast = typical_forecast(config)
    sign = "at least" if forecast.unknown else "about"
    return (
        f"{len(config.cells())} cells; {sign} {duration(forecast.seconds)} from nothing for the "
        f"{plural(forecast.images, 'photo')} of {config.data}, {plural(forecast.workers, 'worker')}"
    )


def typical_forecast(config: RunConfig, rates: Rates | None = None) -> Forecast:
    """Of all photos of a preset with an empty cache.

    Args:
        config: the preset.
        rates: of this machine; read unless given.

    Raises:
        PedbenchError: its data are missing.
    """
    device = usable_device()
    engine = open_engine(None, default_workers(config, device), device)
    cells = sorted(config.cells(), key=lambda cell: repr(cell.pipeline))
    ids = open_dataset(config.data).ids[: config.limit]
    groups = [tuple(group) for _, group in groupby(cells, key=lambda cell: cell.pipeline)]
    return Forecast(
        config,
        len(ids),
        [Task(image_id, group) for image_id in ids for group in groups],
        _to_fit(config, cells),
        engine.slots if engine else 1,
        rates or read_rates(config.model, place_of(config, device, engine)),
    )


def _to_fit(config: RunConfig, cells: Sequence[Cell]) -> list[AttackCell]:
    """One cell for each attacker that does not come with the package."""
    wanted = trained_from_nothing(cells)
    if config.model in OFFICIAL:  # nothing is shipped for a model that must be downloaded
        return wanted
    public, outside = ([*map(open_dataset, names)] for names in (config.public, config.outside))
    attackers = Attackers(_models(config.model, config.checkpoint), public, outside)
    return [cell for cell in wanted if not attackers.ships(cell)]


@cache
def _models(name: str, checkpoint: str | None) -> Models:
    return Models(name, checkpoint)
