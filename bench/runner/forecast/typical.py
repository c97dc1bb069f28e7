"""How long a preset takes as it stands: from nothing, with its own data."""

from __future__ import annotations

from itertools import groupby

from bench.datasets import open_dataset
from bench.runner.context import Task, default_workers
from bench.runner.engines import open_engine
from bench.runner.forecast.forecast import Forecast, duration, trained_from_nothing
from bench.runner.forecast.rates import place_of, read_rates
from bench.spec.config import RunConfig
from framework.compute.devices import usable_device


def typical(config: RunConfig) -> str:
    """Cells of a preset, and the time that all of its photos take with an empty cache.

    Raises:
        PedbenchError: its data are missing.
    """
    device = usable_device()
    engine = open_engine(None, default_workers(config, device), device)
    cells = sorted(config.cells(), key=lambda cell: repr(cell.pipeline))
    ids = open_dataset(config.data).ids[: config.limit]
    groups = [tuple(group) for _, group in groupby(cells, key=lambda cell: cell.pipeline)]
    forecast = Forecast(
        config,
        len(ids),
        [Task(image_id, group) for image_id in ids for group in groups],
        trained_from_nothing(cells),
        engine.slots if engine else 1,
        read_rates(config.model, place_of(config, device, engine)),
    )
    sign = "at least" if forecast.unknown else "about"
    return (
        f"{len(cells)} cells; {sign} {duration(forecast.seconds)} from nothing for the "
        f"{len(ids)} photos of {config.data}, {forecast.workers} workers"
    )
