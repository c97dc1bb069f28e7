"""The tables of a latency run."""

from __future__ import annotations

from math import isinf, isnan

import pandas as pd

from bench.latency.report.summary import EXAMPLE_RTT, FASTER, MODELLED
from bench.latency.results import LatencyRun
from bench.report.render.table import Column, Table, number

COLUMNS = (
    Column("link", "Link"),
    Column("delay_ms", "Delay one way, ms", 0),
    Column("rate", "Mb/s", parts=("mbps",)),
    Column("plan", "Plan"),
    Column("how", "How", detail=True),
    Column("repeats", "Repeats", 0, detail=True),
    Column("median", "Median, s", 2, "lower is better for the user", interval=True),
    Column("p95", "p95, s", 2, "lower is better for the user"),
    Column("relative", "× edge alone", 2, "lower is better for the user"),
    Column("edge", "of it on the edge, s", 2),
    Column("model", "Link model, s", 2),
    Column("mb_up", "MB up", 2),
    Column("mb_down", "MB down", 2),
    Column("rounds", "Rounds", 0),
    Column("edge_gflop", "Edge GFLOP", 1),
    Column("peak_mb", "Edge peak memory, MB", 0),
    Column("model_mb", "of it model and photo, MB", 0),
    Column("free", "Pays from, Mb/s: free servers", parts=("pays_free",)),
    Column("faster", f"Pays from, Mb/s: servers {FASTER:g}× as fast", parts=("pays_faster",)),
)
CROSSOVER = (
    Column("model", "Model"),
    Column("plan", "Plan"),
    Column("gmac", "Encoder GMAC", 1),
    Column("offloaded", "Offloaded, %", 0),
    Column("mb", "MB up and down", 1),
    Column("rounds", "Rounds", 0),
    Column("alone", "Edge alone, s", 2),
    Column("saved", "Saved at most, s", 2),
    Column("fastest", "Faster at most", parts=("speedup",)),
    Column("now", "Pays from, Mb/s: no delay", parts=("pays_now",)),
    Column("far", f"Pays from, Mb/s: {1000 * EXAMPLE_RTT:.0f} ms round trip", parts=("pays_far",)),
)


def build_tables(run: LatencyRun) -> list[Table]:
    """Seconds and bytes as measured; from which bandwidth on offloading pays, by arithmetic."""
    measured = run.summary
    measured = measured.assign(
        rate=measured["mbps"].map(_rate),
        free=measured["pays_free"].map(pays),
        faster=measured["pays_faster"].map(pays),
    )
    arithmetic = run.crossover
    arithmetic = arithmetic.assign(
        fastest=arithmetic["speedup"].map(lambda x: "–" if x > 1e3 else f"{number(x, 1)}×"),
        now=arithmetic["pays_now"].map(pays),
        far=arithmetic["pays_far"].map(pays),
    )
    note = (
        "Seconds from a photo to one mask, with the median's 95 % bootstrap interval over the "
        "repeats of one session; p95 over so few repeats is close to the slowest. The "
        "edge alone is measured beside every link, as a control: no link matters to it. "
        f"{_how(measured)} Link model: seconds without a link, plus round trips times delay both "
        "ways, plus bytes over bandwidth. MB are payload, millions of bytes. GFLOP: two per "
        "multiply-accumulate, stock arithmetic, with the mask decoder. Memory: of the edge's "
        "process, and how much of it is more than Python and its packages. Pays from: the "
        "bandwidth at which, with the seconds of "
        "the edge's part and the link's delay, the plan is "
        "as fast as the edge alone, if uploads and downloads take turns. Where they overlap, less "
        "is enough."
    )
    return [
        Table("latency", "What a link costs", note, measured, COLUMNS, run.source),
        Table(
            "crossover",
            "From which bandwidth on offloading pays",
            f"Arithmetic for any model at this edge's speed, {run.speed:.0f} GMAC/s as measured "
            f"for {run.config.model} alone, with servers that take no time; real ones need more. "
            f"Payload {run.config.payload}, pixels for centralized; a square photo.",
            arithmetic,
            CROSSOVER,
            run.source,
        ),
    ]


def pays(mbps: float) -> str:
    """A crossover bandwidth as text."""
    if isnan(mbps):
        return "–"
    return "never" if isinf(mbps) else number(mbps, 0 if mbps >= 10 else 1)


def _rate(mbps: float) -> str:
    return "–" if isinf(mbps) else f"{mbps:g}"


def _how(measured: pd.DataFrame) -> str:
    ways = set(measured.loc[measured["link"] != "none", "how"])
    if ways == {MODELLED}:
        return "Nothing was measured over a link: those lines are the link model's."
    return f"Links are imposed by {', '.join(sorted(ways))}." if ways else ""
