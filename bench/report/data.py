"""A run folder, read for tables, figures and report."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.base import ATTACKS
from bench.attackers.cards import Card, read_cards
from bench.cache.fingerprints import content_digest
from bench.cache.store import Store
from bench.runner.folder.contents import SETTINGS
from bench.runner.folder.provenance import read_environment
from bench.runner.folder.records import (
    COLUMNS,
    DEFAULTS,
    FAILED,
    NOT_APPLICABLE,
    OK,
    UNSUPPORTED,
    VARIANTS,
    read_records,
)
from bench.spec.cells import ORIGINAL, SEEN, Pipeline
from bench.spec.fields import read_yaml
from bench.survey import JUDGEMENTS
from bench.words import plural
from framework.declaration import own
from framework.errors import PedbenchError
from framework.files.download import sha256_of
from framework.models.named import models
from framework.split.plans import make_plan

PIPELINE = [each.column or each.name for each in own(Pipeline)]
CELL = [*PIPELINE, "coalition", "coalition_choice", "stage"]
EARLIEST = "earliest"
"""The value of ``stage`` where an attack looked at everything it had."""

FLOOR, CEILING = "floor", "ceiling"
REGIONS = ("hidden", "visible", "full")
NO_LPIPS = (
    "LPIPS is missing from all tables and figures: this run could not score it. Fetch its weights "
    "with 'pedbench weights lpips', then run again."
)


@dataclass(frozen=True, eq=False)
class RunData:
    """Records of a run with what is known about how they were made.

    Attributes:
        folder: the run folder.
        records: as `bench.runner.folder.records.read_records` gives them.
        config, environment: the content of the two files beside them; empty where they are gone.
        store: where drawn figures are kept, if anywhere.
    """

    folder: Path
    records: pd.DataFrame
    config: dict[str, Any]
    environment: dict[str, Any]
    store: Store | None = None

    @classmethod
    def read(cls, folder: Path, store: Store | None = None) -> RunData:
        """Read ``folder``.

        Raises:
            PedbenchError: it holds no records, or a file is damaged.
        """
        return cls(
            folder,
            read_records(folder),
            _read_settings(folder / SETTINGS),
            read_environment(folder),
            store,
        )

    @cached_property
    def attackers(self) -> list[Card]:
        """The cards of trained attackers, see `bench.attackers.cards`; none in older runs."""
        return read_cards(self.folder)

    @cached_property
    def digest(self) -> str:
        """A hash over configuration, attackers, judgements and records, in any order."""
        values = self.records.drop(columns="from_store", errors="ignore")
        hashes = pd.util.hash_pandas_object(values, index=False).to_numpy()
        judged = self.folder / JUDGEMENTS
        people = [sha256_of(judged)] if judged.is_file() else []
        return content_digest(
            list(values.columns), np.sort(hashes), self.config, self.attackers, *people
        )

    @cached_property
    def every_score(self) -> pd.DataFrame:
        """Rows that carry a value, whatever the attacker."""
        rows = self.records
        return rows[(rows["status"] == OK) & rows["value"].notna()].astype({"value": float})

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Rows that carry a value, of the usual attacker: one frame, weights and positions known.

        What else differs has tables of its own, so that no mean mixes attackers.
        """
        rows = self.every_score
        for name in VARIANTS:
            rows = rows[rows[name] == DEFAULTS[name]]
        return rows

    @cached_property
    def segmentation(self) -> pd.DataFrame:
        """One row per pipeline and image, one column per metric."""
        return _wide(self.scores[self.scores["attack"] == ""], PIPELINE)

    @cached_property
    def exposure(self) -> pd.DataFrame:
        """One row per pipeline, coalition and image, one column per metric."""
        keys = [*PIPELINE, "coalition", "coalition_choice"]
        return _wide(self.scores[self.scores["attack"] == "exposure"], keys)

    @cached_property
    def leakage(self) -> pd.DataFrame:
        """Scores of reconstructions, averaged over attacker seeds.

        One row per cell (`CELL`), attack, kind, adaptive or not, region, metric and image.
        """
        keys = [name for name in self.seeded.columns if name not in ("seed", "value")]
        mean = self.seeded.groupby(keys, dropna=False, observed=True)["value"].mean()
        return mean.reset_index()

    @cached_property
    def seeded(self) -> pd.DataFrame:
        """Scores of reconstructions as in `leakage`, one row per attacker seed."""
        rows = self.scores[self.scores["region"] != ""]
        rows = rows[~rows["attack"].isin([SEEN, ORIGINAL])]
        keys = [*CELL, "attack", "attack_kind", "adaptive", "region", "metric", "image_id", "seed"]
        mean = rows.groupby(keys, dropna=False, observed=True)["value"].mean()
        return mean.reset_index()

    @cached_property
    def troubles(self) -> pd.DataFrame:
        """Rows that failed, or that a part does not support."""
        return self.records[self.records["status"].isin([FAILED, UNSUPPORTED])]

    @property
    def images(self) -> list[str]:
        """Names of the images with at least one score."""
        return sorted(self.every_score["image_id"].unique())

    @property
    def instances(self) -> int:
        """Number of masks scored, over all images."""
        if "instances" not in self.segmentation:
            return 0
        return int(self.segmentation.groupby("image_id")["instances"].first().sum())

    @property
    def seeds(self) -> list[int]:
        """Seeds of the attackers."""
        return sorted(int(seed) for seed in self.scores["seed"].dropna().unique())

    def fact(self, name: str) -> str:
        """A provenance column's value, e.g. ``dataset``."""
        if name not in self.records:
            return "unknown"
        return ", ".join(sorted(map(str, self.records[name].dropna().unique()))) or "unknown"

    @property
    def models(self) -> str:
        """The models, each with its weights."""
        if not {"model", "weights"} <= {*self.records.columns}:
            return "unknown"
        pairs = self.records[["model", "weights"]].dropna().drop_duplicates().sort_values("model")
        return ", ".join(f"{n} ({w})" for n, w in pairs.itertuples(index=False)) or "unknown"

    @property
    def random_weights(self) -> bool:
        """Whether the model's weights are random, so that only times and bytes mean anything."""
        return "random" in self.fact("weights")

    @property
    def measured_on(self) -> str:
        """One sentence: data set, how much of it, model and attacker seeds."""
        parts = [f"Measured on {self.fact('dataset')}: {plural(len(self.images), 'image')}"]
        if self.instances:
            parts.append(f"with {plural(self.instances, 'mask')}")
        text = " ".join(parts) + f"; model {self.models}"
        if self.seeds:
            text += f"; attacker seeds {', '.join(map(str, self.seeds))}"
        return text + "."

    @property
    def caveats(self) -> list[str]:
        """What a reader must know before trusting any figure of the run."""
        found = []
        if self.random_weights:
            found.append(
                "The model has random weights: times and bytes are real, masks and leakage at "
                "deeper stages say nothing."
            )
        if self.fact("dataset") == "embedded":
            found.append(
                f"{plural(len(self.images), 'photo')} that installed packages carry: an "
                "illustration, not statistics; the intervals only tell how much photos differ."
            )
        if len(self.seeds) in (1, 2):
            found.append(
                "Fewer than three attacker seeds: how much a score owes to one training run of an "
                "attacker is unknown."
            )
        elif self.seldom_trained:
            found.append(
                f"Not all of these seeds in every setting have {', '.join(self.seldom_trained)}."
            )
        if self.reordered:
            found.append(
                f"{', '.join(self.reordered)} moves blocks of a model that was trained in stock "
                "order and not adapted: its masks show what moving alone costs."
            )
        if self.lacks_lpips:
            found.append(NO_LPIPS)
        return found

    @property
    def seldom_trained(self) -> list[str]:
        """Attacks that hang on their seed and somewhere have fewer seeds than the run."""
        rows = self.seeded[self.seeded["attack"].isin([n for n, a in ATTACKS.items() if a.random])]
        counts = rows.groupby([*CELL, "attack", "adaptive"], dropna=False)["seed"].nunique()
        few = counts[counts < len(self.seeds)]
        return sorted(set(few.index.get_level_values("attack")))

    @property
    def reordered(self) -> list[str]:
        """Plans that ran the blocks in an order other than the weights were trained in."""
        named = models()
        known = self.records[["model", "plan"]].dropna().drop_duplicates()
        return sorted(
            {
                plan
                for model, plan in known.itertuples(index=False)
                if model in named and not make_plan(plan, named[model][0]).stock_order
            }
        )

    @property
    def lacks_lpips(self) -> bool:
        """Whether reconstructions were scored, but never by LPIPS."""
        return not self.leakage.empty and "lpips" not in set(self.leakage["metric"])

    @property
    def has_prior_only(self) -> bool:
        """Whether an attacker retrained without its observation is among the floors."""
        return bool(self.leakage["attack"].str.contains("prior").any())

    def not_applicable(self) -> int:
        """Number of scores that do not exist, e.g. of an empty region."""
        return int((self.records["status"] == NOT_APPLICABLE).sum())


def _read_settings(path: Path) -> dict[str, Any]:
    """The content of ``config.yaml``, of any version; empty where it is gone.

    Raises:
        PedbenchError: it is damaged.
    """
    if not path.exists():
        return {}
    content = read_yaml(path)
    for name in ("groups", "pictures"):
        entries = content.get(name) or []
        is_setting = _is_group if name == "groups" else _is_choice
        if not isinstance(entries, list) or not all(map(is_setting, entries)):
            raise PedbenchError(f"{path}: {name} is no list of settings: mend it, or delete {path}")
    return content


def _is_group(entry: Any) -> bool:
    """Whether it is a mapping, and its grid one of lists of plain values."""
    if not isinstance(entry, dict) or not isinstance(grid := entry.get("grid", {}), dict):
        return False
    return all(isinstance(values, list) and _are_plain(values) for values in grid.values())


def _is_choice(entry: Any) -> bool:
    """Whether it is a mapping to plain values."""
    return isinstance(entry, dict) and _are_plain(entry.values())


def _are_plain(values: Iterable[Any]) -> bool:
    return all(isinstance(value, Hashable) for value in values)


def no_rows(columns: list[str]) -> pd.DataFrame:
    """An empty table with the types that records have, so that it can be joined with others."""
    types = {name: COLUMNS.get(name, "Float64") for name in columns}
    return pd.DataFrame(columns=columns).astype(types)


def _wide(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if rows.empty:
        return no_rows([*keys, "image_id"])
    means = rows.groupby([*keys, "image_id", "metric"], dropna=False)["value"].mean()
    return means.unstack("metric").reset_index().rename_axis(columns=None)
