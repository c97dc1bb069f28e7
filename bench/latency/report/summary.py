"""What the measured rows say: medians, the link model, and from which bandwidth on it pays."""

from __future__ import annotations

from math import inf

import pandas as pd

from bench.latency.config import BASELINE, LatencyConfig
from bench.latency.network.links import DIRECT, Link
from bench.latency.report.arithmetic import payload_bytes, work
from bench.report.statistics import median_interval, named
from framework.models.architectures import ARCHITECTURES
from framework.models.named import architecture

TAIL = 0.95
FASTER = 10.0
"""How many times as fast as this machine the faster servers of the table are."""
MODELLED = "link model"
EXAMPLE_RTT = 0.04
"""Seconds; of the crossover table: 20 ms one way."""


def modelled(rows: pd.DataFrame, links: tuple[Link, ...]) -> pd.DataFrame:
    """Rows over links that could not be measured: those without a link, plus the link model."""
    parts = []
    for link in links:
        part = rows[rows["link"] == DIRECT.name].copy()
        added = [
            link.seconds(int(r["rounds"]), r["bytes_up"] + r["bytes_down"])
            for _, r in part.iterrows()
        ]
        part["link"], part["how"] = link.name, MODELLED
        part["seconds"] += added
        part["away_seconds"] += added
        parts.append(part)
    return pd.concat([rows, *parts], ignore_index=True)


def summarise(rows: pd.DataFrame, config: LatencyConfig) -> pd.DataFrame:
    """One line per link and plan.

    Columns: seconds (``median`` with its 95 % interval, ``p95``, ``edge`` for the part outside
    round trips), ``relative`` to the edge alone over the same link, ``model`` (seconds by the link
    model), ``mb_up``, ``mb_down`` (10⁶ bytes), ``rounds``, ``edge_gflop``, ``peak_mb`` (the edge's
    process), ``model_mb`` (of it, all but Python and its packages), and the bandwidths (Mb/s) from
    which on the plan beats the edge alone over the link's delay: ``pays_free`` with servers that
    take no time, ``pays_faster`` with ones `FASTER` times as fast as this machine; infinite where
    none does.
    """
    links = {link.name: link for link in (DIRECT, *config.links)}
    arch = architecture(config.model)
    without = rows[rows["link"] == DIRECT.name]
    direct = {plan: without[without["plan"] == plan] for plan in config.plans}
    alone = direct[BASELINE]["seconds"].median()
    lines = []
    for name, link in links.items():
        of_link = rows[rows["link"] == name]
        here = of_link.loc[of_link["plan"] == BASELINE, "seconds"].median()
        for plan in config.plans:
            part, base = of_link[of_link["plan"] == plan], direct[plan]
            if part.empty:
                continue
            first = part.iloc[0]
            nbytes = int(first["bytes_up"] + first["bytes_down"])
            rounds = int(first["rounds"])
            at_edge = (base["seconds"] - base["away_seconds"]).median()
            away = base["away_seconds"].median()
            saved = alone - at_edge - rounds * link.rtt
            lines.append(
                {
                    "link": name,
                    "delay_ms": link.delay_ms,
                    "mbps": link.mbps,
                    "plan": plan,
                    "how": first["how"],
                    "repeats": len(part),
                    **named("median", median_interval(part["seconds"])),
                    "p95": part["seconds"].quantile(TAIL),
                    "edge": (part["seconds"] - part["away_seconds"]).median(),
                    "relative": part["seconds"].median() / here,
                    "model": base["seconds"].median() + link.seconds(rounds, nbytes),
                    "mb_up": first["bytes_up"] / 1e6,
                    "mb_down": first["bytes_down"] / 1e6,
                    "rounds": rounds,
                    "edge_gflop": 2e-9 * work(arch, plan).edge,
                    "peak_mb": part["peak_bytes"].max() / 1e6,
                    "model_mb": (part["peak_bytes"] - part["bare_bytes"]).max() / 1e6,
                    "pays_free": pays_from(nbytes, saved),
                    "pays_faster": pays_from(nbytes, saved - away / FASTER),
                }
            )
    return pd.DataFrame(lines)


def pays_from(nbytes: float, seconds: float) -> float:
    """The bandwidth, Mb/s, at which bytes take as long as what is saved otherwise.

    Infinite where nothing is saved; not a number where nothing is sent.
    """
    if not nbytes:
        return float("nan")
    return nbytes * 8e-6 / seconds if seconds > 0 else inf


def edge_speed(rows: pd.DataFrame, config: LatencyConfig) -> float:
    """GMAC a second of the edge alone, as measured."""
    alone = rows[(rows["link"] == DIRECT.name) & (rows["plan"] == BASELINE)]
    return work(architecture(config.model), BASELINE).edge / 1e9 / alone["seconds"].median()


def crossover(speed: float, config: LatencyConfig) -> pd.DataFrame:
    """By arithmetic alone, one line per model and plan, for servers that take no time.

    Args:
        speed: GMAC a second of the edge.
    """
    lines = []
    for name in [a for a in ARCHITECTURES if not a.endswith("globals_last")]:
        for plan in [plan for plan in config.plans if plan != BASELINE]:
            arch = ARCHITECTURES[name]
            who = work(arch, plan)
            up, down, rounds = payload_bytes(arch, plan, config.payload)
            saved = who.servers / 1e9 / speed
            alone = (who.servers + who.edge) / 1e9 / speed
            lines.append(
                {
                    "model": name,
                    "plan": plan,
                    "gmac": who.encoder / 1e9,
                    "offloaded": 100 * who.offloaded,
                    "mb": (up + down) / 1e6,
                    "rounds": rounds,
                    "alone": alone,
                    "saved": saved,
                    "speedup": alone / (alone - saved),
                    "pays_now": pays_from(up + down, saved),
                    "pays_far": pays_from(up + down, saved - rounds * EXAMPLE_RTT),
                }
            )
    return pd.DataFrame(lines)
