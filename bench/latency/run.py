"""`pedbench run` with a latency preset: measure, keep, write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from bench.latency.config import LatencyConfig, read_latency
from bench.latency.measure import cores, edges, measure_link, threads_of_shards
from bench.latency.network.hosts import Loopback, Network
from bench.latency.network.links import DIRECT, Link
from bench.latency.network.namespaces import Namespaces, obstacle
from bench.latency.report.summary import MODELLED, modelled
from bench.latency.results import ROWS
from bench.parts import installed_parts
from bench.runner.folder import provenance as environment
from bench.runner.folder.contents import ANOTHER_OUT, discard
from bench.runner.folder.lock import locked
from framework import build_sam
from framework.errors import PedbenchError, one_line
from framework.files.writing import write_file


def run(config: LatencyConfig, folder: Path, fresh: bool = False) -> pd.DataFrame:
    """Measure what ``folder`` lacks, link by link, and keep it there.

    Args:
        config: what to measure.
        folder: the run folder, made if it is missing.
        fresh: discard the run that it holds.

    Returns:
        The rows of ``latency.csv``, as `LatencyRun` describes them.

    Raises:
        PedbenchError: ``folder`` holds another run, is in use, or is to be discarded and no
            run's; a server or an edge failed.
    """
    config.check()
    with locked(folder):
        if fresh:
            discard(folder)
        return _run(config, folder)


def _run(config: LatencyConfig, folder: Path) -> pd.DataFrame:
    rows = _claim(config, folder)
    reason = obstacle()
    links = [DIRECT] if reason else [DIRECT, *config.links]
    left = [link for link in links if rows.empty or link.name not in set(rows["link"])]
    if left:
        with _network(config, reason) as network:
            facts = _facts(config, network, reason)
            if len(rows):
                _refuse_another_machine(folder, facts)
            write_file(folder / environment.FILE, json.dumps(facts, indent=2))
            rows = _measure(config, network, left, rows, folder / ROWS)
    if reason:
        rows = modelled(rows, config.links)
        write_file(folder / ROWS, rows.to_csv(index=False))
    return rows


def _network(config: LatencyConfig, reason: str) -> Network:
    return Loopback(config.servers) if reason else Namespaces(config.servers)


def _measure(
    config: LatencyConfig, network: Network, links: Sequence[Link], rows: pd.DataFrame, file: Path
) -> pd.DataFrame:
    """Add rows for ``links``, writing them down after each link."""
    total = len(links) * len(config.plans) * (config.repeats + 1)
    with (
        edges(config, network) as running,
        tqdm(total=total, unit="photo", desc="latency") as bar,
    ):
        for link in links:
            bar.set_postfix_str(f"link {link.name}")
            found = measure_link(config, network, running, link, bar.update)
            rows = pd.concat([rows, pd.DataFrame(found)], ignore_index=True)
            write_file(file, rows.to_csv(index=False))
    return rows


def _claim(config: LatencyConfig, folder: Path) -> pd.DataFrame:
    """Make the folder; what was measured of this run already."""
    settings, file = folder / "config.yaml", folder / ROWS
    if settings.exists() and not _is_of(settings, config):
        raise PedbenchError(
            f"{folder} holds another run: give another --out, or --fresh to discard it"
        )
    write_file(settings, config.to_yaml(), ANOTHER_OUT)
    if not file.exists():
        return pd.DataFrame()
    try:
        rows = pd.read_csv(file)
        return rows[rows["how"] != MODELLED].reset_index(drop=True)
    except (ValueError, KeyError) as error:
        raise PedbenchError(
            f"{file} is damaged ({one_line(error)}): give --fresh to measure anew"
        ) from error


def _is_of(settings: Path, config: LatencyConfig) -> bool:
    try:
        return read_latency(settings) == config
    except PedbenchError:
        return False


def _facts(config: LatencyConfig, network: Network, reason: str) -> dict[str, Any]:
    """The content of ``environment.json``."""
    sam = build_sam(config.model, config.checkpoint)
    known: dict[str, Any] = environment.describe(sam, installed_parts())
    known["packages"]["grpcio"] = version("grpcio")
    congestion = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    known |= {
        "threads": cores(),
        "threads_per_shard": threads_of_shards(config),
        "network": "one host" if reason else "a network namespace for each server and for the edge",
        "links_imposed_by": f"{MODELLED}: {reason}" if reason else network.emulation,
        "connection": "gRPC with mutual TLS, kept open between photos",
        "tcp_congestion_control": congestion.read_text().strip() if congestion.exists() else "",
    }
    return known


def _refuse_another_machine(folder: Path, facts: Mapping[str, Any]) -> None:
    """Times of two machines do not go into one table."""
    known = environment.read_environment(folder)
    if other := [n for n in ("machine", "threads") if known.get(n, facts[n]) != facts[n]]:
        raise PedbenchError(
            f"{folder} was begun with another {' and other '.join(other)}: "
            "give another --out, or --fresh to measure anew"
        )
