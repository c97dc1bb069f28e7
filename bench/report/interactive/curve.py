"""The privacy-utility curve to be hovered and filtered, as a chart of Vega-Lite."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from bench.report.aggregate.curves import CURVE, curve_points
from bench.report.data import RunData
from bench.report.render.style import DARK, LIGHT, Theme
from bench.report.topics.utility.main_curve import best_defences, chosen_points
from bench.report.words import (
    defence_label,
    measure,
    ordered_metrics,
    protected,
    readable,
)

ALL = "all"
ADAPTIVE, NOT_ADAPTIVE = "through the defence", "without the defence"
PICKS = {
    "knob": "Defence or precision",
    "policy": "Policy",
    "shards": "Shards",
    "plan": "Plan",
    "coalition": "Coalition",
    "trained": "Attackers trained",
}
"""Columns that a reader may filter by, with the names of their choosers."""
DASHES = ([1, 0], [6, 3], [9, 3, 2, 3], [14, 4])
"""Of lines, one for each time that all colours were given."""
CHOSEN = "chosen"
"""The defences brought out, which the legend changes."""
NUMBERS = ("leakage", "low", "high", "miou", "floor", "ceiling", "order")
COLUMNS = (*PICKS, "score", "setting", *NUMBERS)


def curve_chart(run: RunData) -> dict[str, Any] | None:
    """A Vega-Lite chart without its colours; ``None`` where the run has no curve."""
    points = _points(run)
    if points.empty:
        return None
    scores = list(dict.fromkeys(points["score"]))
    reverse = list(dict.fromkeys(points.loc[points["reversed"], "score"]))
    start = chosen_points(run).iloc[0]
    first = {"policy": readable(start["policy"]), "plan": readable(start["plan"])}
    first |= {"coalition": str(start["coalition"]), "trained": ADAPTIVE}
    picks = [name for name in PICKS if points[name].nunique() > 1]
    series = {"detail": [{"field": name} for name in PICKS]}
    x = {
        "field": "leakage",
        "type": "quantitative",
        "title": "leakage: more to the right →",
        "scale": {"zero": False, "reverse": {"expr": f"indexof({reverse}, pick_score) >= 0"}},
    }
    y = {"field": "miou", "type": "quantitative", "title": "mIoU, box prompt", "scale": _NEAR}
    knobs = sorted(set(points["knob"]))
    knob = {"field": "knob", "type": "nominal", "title": PICKS["knob"]}
    strokes = {
        "symbolType": "stroke",
        "symbolSize": 500,
        "symbolStrokeWidth": 2,
        "symbolOpacity": 1,
    }
    colour = knob | {"scale": {"domain": knobs}, "legend": strokes}
    rounds = [DASHES[place // len(LIGHT.series) % len(DASHES)] for place in range(len(knobs))]
    dash = knob | {"scale": {"domain": knobs, "range": rounds}, "legend": strokes}
    best = [defence_label(name) for name in best_defences(run)]
    chosen = [{"name": CHOSEN, **_LEGEND, "value": [{"knob": name} for name in best]}]
    faded, faint = (
        {"opacity": _faded(value, "knob" in picks)} if best else {"opacity": {"value": value}}
        for value in (0.9, 0.3)
    )
    bars = {"x": x | {"field": "low"}, "x2": {"field": "high"}, **series, **faint}
    known = {
        "floor": _rule("floor", LIGHT.muted, "floor: made of public photos alone"),
        "ceiling": _rule("ceiling", LIGHT.kinds["ceiling"], "ceiling: everything is sent"),
        "low": {"mark": {"type": "rule"}, "encoding": bars},
    }
    shape = {"field": "shards", "type": "nominal", "title": PICKS["shards"]}
    return {
        "width": "container",
        "height": 380,
        "autosize": {"type": "fit", "contains": "padding"},
        "title": {"text": {"expr": "pick_score"}, "anchor": "start"},
        "data": {"values": json.loads(points[list(COLUMNS)].to_json(orient="records"))},
        "params": [
            _chooser("score", "Score", scores, scores[0]),
            *[_filter(name, points, first.get(name, ALL)) for name in picks],
        ],
        "transform": [{"filter": " && ".join(["datum.score == pick_score", *map(_kept, picks)])}],
        "encoding": {"x": x, "y": y, "color": colour},
        "layer": [
            *[layer for field, layer in known.items() if points[field].notna().any()],
            {
                "params": chosen if best else [],
                "mark": "line",
                "encoding": {
                    **series,
                    **faded,
                    "order": {"field": "order", "type": "quantitative"},
                    "strokeDash": dash,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70},
                "encoding": {"shape": shape, "tooltip": _TOOLTIP, **faded},
            },
        ],
    }


def _rule(field: str, colour: str, words: str) -> dict[str, Any]:
    """A dotted line of one leakage, for each number of shards."""
    return {
        "mark": {"type": "rule", "strokeDash": [2, 3]},
        "encoding": {
            "x": {"field": field, "aggregate": "mean", "type": "quantitative"},
            "y": None,
            "color": {"value": colour},
            "detail": {"field": "shards"},
            "tooltip": {"value": words},
        },
    }


def colours() -> dict[str, Any]:
    """The chart's configuration in both themes."""
    return {theme.name: _config(theme) for theme in (LIGHT, DARK)}


def _points(run: RunData) -> pd.DataFrame:
    """One row a point of each curve; the undefended float32 point begins every knob's curve."""
    found = []
    for through, words in ((True, ADAPTIVE), (False, NOT_ADAPTIVE)):
        points = curve_points(run, through)
        if not points.empty:
            found.append(points.assign(trained=words))
    if not found:
        return pd.DataFrame()
    points = pd.concat(found, ignore_index=True)
    points["place"] = [place[2] + place[1] for place in points["order"]]
    points = _begun(points)
    known = [(m, r) for m in ordered_metrics(points["metric"]) for r in ("visible", "hidden")]
    order = {pair: place for place, pair in enumerate(known)}
    pairs = list(zip(points["metric"], points["region"], strict=True))
    points = points[[pair in order for pair in pairs]]
    pairs = [pair for pair in pairs if pair in order]
    measures = {metric: measure(metric) for metric, _ in known}
    points = points.assign(
        reversed=[not measures[metric].higher_is_worse for metric, _ in pairs],
        score=[f"{measures[metric].heading}, {region} region" for metric, region in pairs],
        score_order=[order[pair] for pair in pairs],
        setting=[_named(point) for _, point in points.iterrows()],
        knob=[defence_label(str(knob)) for knob in points["knob"]],
        policy=[readable(name) for name in points["policy"]],
        plan=[
            readable(plan) + (", adapted" if adapted else "")
            for plan, adapted in zip(points["plan"], points["adapted"], strict=True)
        ],
        coalition=[
            str(size) + ("" if choice == "largest" else f", {choice}")
            for size, choice in zip(points["coalition"], points["coalition_choice"], strict=True)
        ],
        shards=points["n_shards"].astype(int),
    )
    points = points.rename(columns={"mean": "leakage", "mean_low": "low", "mean_high": "high"})
    points = points.drop(columns="order").rename(columns={"place": "order", "miou_box": "miou"})
    points[[*NUMBERS]] = points[[*NUMBERS]].astype(float).round(4)
    points = points.sort_values(["score_order", "shards", "knob", "order"])
    return points


def _begun(points: pd.DataFrame) -> pd.DataFrame:
    """The points, that without a knob once for each knob of its curve."""
    curve = [*CURVE, "trained"]
    knobs = points.loc[points["knob"] != "", [*curve, "knob"]].drop_duplicates()
    starts = points[points["knob"] == ""].drop(columns="knob").merge(knobs, on=curve)
    return pd.concat([starts, points[points["knob"] != ""]], ignore_index=True)


def _named(point: pd.Series) -> str:
    if point["defence"] == "none":
        return str(point["payload"])
    name = protected(str(point["defence"]), float(point["strength"]))
    return name if point["payload"] == "float32" else f"{name} on {point['payload']}"


def _filter(name: str, points: pd.DataFrame, first: str) -> dict[str, Any]:
    values = list(dict.fromkeys(points[name]))
    return _chooser(name, PICKS[name], [ALL, *values], first if first in values else ALL)


def _chooser(name: str, label: str, values: list[Any], first: Any) -> dict[str, Any]:
    bind = {"input": "select", "options": values, "name": f"{label} "}
    return {"name": f"pick_{name}", "value": first, "bind": bind}


def _kept(name: str) -> str:
    return f"(pick_{name} == '{ALL}' || datum.{name} == pick_{name})"


def _faded(value: float, filtered: bool) -> dict[str, Any]:
    """``value`` for what the legend has chosen, and for the one defence that a chooser leaves."""
    alone = [{"test": f"pick_knob != '{ALL}'", "value": value}] if filtered else []
    return {"condition": [*alone, {"param": CHOSEN, "value": value}], "value": 0.07}


def _config(theme: Theme) -> dict[str, Any]:
    axis = {"labelColor": theme.ink, "titleColor": theme.ink, "gridColor": theme.faint}
    legend = {"labelColor": theme.ink, "titleColor": theme.ink}
    return {
        "background": theme.paper,
        "font": "system-ui, sans-serif",
        "axis": axis | {"domainColor": theme.muted, "tickColor": theme.muted},
        "legend": legend | {"orient": "bottom", "columns": 6},
        "title": {"color": theme.ink},
        "view": {"stroke": None},
        "range": {"category": list(theme.series)},
    }


_NEAR = {"zero": False}
_LEGEND = {"select": {"type": "point", "fields": ["knob"]}, "bind": "legend"}
_TOOLTIP = [
    {"field": "setting", "title": "Setting"},
    {"field": "leakage", "title": "Leakage", "format": ".3f"},
    {"field": "low", "title": "from", "format": ".3f"},
    {"field": "high", "title": "to", "format": ".3f"},
    {"field": "floor", "title": "Floor", "format": ".3f"},
    {"field": "miou", "title": "mIoU, box", "format": ".3f"},
    {"field": "shards", "title": "Shards"},
    {"field": "policy", "title": "Policy"},
    {"field": "trained", "title": "Attackers trained"},
]
