"""What a model reaches on each slice: one metric, its interval, and the rows it rests on.

Guarantees: a slice is measured on the rows of one side but cut on the whole frame; a slice that
is too small, or on which the metric is not defined, is named as such and never given a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tasks.conditions import Mask
from tasks.errors import ProjectFileError
from tasks.intervals import MIN_GROUPS
from tasks.metrics import NUMBER_METRICS, Estimate, estimate_metrics
from tasks.project.fields import SliceSpec
from tasks.slices import slice_masks, values_left_out

Cut = Callable[[Any, pd.DataFrame], list[tuple[str, Mask]]]
RISES_WITH_SHARE = frozenset({"precision", "f1", "average_precision"})


@dataclass(frozen=True)
class ScoredRows:
    """Rows with their labels and predictions, and how their metrics are estimated.

    `groups` names the group of each row where rows are grouped; intervals then draw groups.
    """

    labels: pd.Series
    predictions: pd.DataFrame
    positive_class: str | None
    replicates: int
    seed: int
    groups: pd.Series | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def too_few_groups(self) -> str:
        """Why an interval of these grouped rows does not hold; empty where it does."""
        if self.groups is None or self.groups.dropna().is_unique:
            return ""
        count = int(self.groups.nunique(dropna=False))
        return f"{count} groups where {MIN_GROUPS} are needed" if count < MIN_GROUPS else ""

    @property
    def units(self) -> int:
        """The number of independent units: of rows, or of groups where rows share one."""
        if self.groups is None:
            return len(self)
        missing = int(self.groups.isna().sum())
        return int(self.groups.nunique()) + missing

    def where(self, mask: Mask) -> ScoredRows:
        """The rows that `mask` marks."""
        groups = None if self.groups is None else self.groups[mask]
        return replace(
            self, labels=self.labels[mask], predictions=self.predictions[mask], groups=groups
        )

    def estimate(self, names: Sequence[str], of_class: str | None = None) -> dict[str, Estimate]:
        """Metrics with 95 % intervals; those of one class against the rest where it is given."""
        return estimate_metrics(
            names,
            self.labels,
            self.predictions,
            positive_class=of_class if of_class is not None else self.positive_class,
            replicates=self.replicates,
            seed=self.seed,
            groups=self.groups,
        )


@dataclass(frozen=True)
class NamedSlices:
    """Slices by name over the rows of one frame, and what was left out of them."""

    masks: dict[str, Mask]
    left_out: tuple[str, ...] = ()

    def on(self, rows: Mask) -> NamedSlices:
        """The same slices over the rows that `rows` marks."""
        return NamedSlices({n: mask[rows] for n, mask in self.masks.items()}, self.left_out)


@dataclass(frozen=True)
class SliceMetrics:
    """`table` has label, value, low, high, n; `unmeasured` names the slices without a value.

    `instead_of` names the metric that was asked for where `metric` had to stand in for it.
    """

    metric: str
    table: pd.DataFrame
    unmeasured: tuple[str, ...]
    min_rows: int
    instead_of: str | None = None

    @property
    def overall(self) -> float | None:
        """The value over all rows; None where it is not defined."""
        values = self.table.loc[self.table["label"] == "overall", "value"]
        return float(values.iloc[0]) if len(values) else None

    @property
    def slices(self) -> int:
        """The number of slices with a value."""
        return int((self.table["label"] != "overall").sum())

    def by_name(self) -> dict[str, float]:
        """Each measured slice's value as `<metric>.<slice>`."""
        pairs = zip(self.table["label"], self.table["value"], strict=True)
        return {f"{self.metric}.{n}": float(value) for n, value in pairs if n != "overall"}

    def note(self) -> str:
        """What a reader has to know before comparing the slices; empty where there is nothing."""
        sentences = []
        if self.instead_of is not None:
            sentences.append(
                f"{self.instead_of} is not defined on most of these slices, for want of a class; "
                "accuracy stands in for it."
            )
        if self.metric in RISES_WITH_SHARE:
            sentences.append(
                f"{self.metric} rises with the share of the class in a slice, so slices compare "
                "by it only where those shares are alike."
            )
        if self.unmeasured:
            listed = ", ".join(self.unmeasured[:10])
            more = f" and {len(self.unmeasured) - 10} more" if len(self.unmeasured) > 10 else ""
            sentences.append(
                f"Not measured, for fewer than {self.min_rows} rows or too few of a class: "
                f"{listed}{more}."
            )
        return " ".join(sentences)


def named_slices(
    specs: Iterable[SliceSpec], frame: pd.DataFrame, cut: Cut = slice_masks
) -> NamedSlices:
    """All slices of all `specs`, each name once, in the order of the specifications.

    `cut` gives the slices of one specification. Raises ProjectFileError for what it refuses and for
    two slices of one name.
    """
    masks: dict[str, Mask] = {}
    left_out: list[str] = []
    for spec in specs:
        for name, mask in cut(spec, frame):
            if name in masks and not np.array_equal(masks[name], mask):
                raise ProjectFileError(
                    f"two slices are named '{name}'; give one of them another name"
                )
            masks[name] = mask
        sentence = values_left_out(spec, frame)
        if sentence and sentence not in left_out:
            left_out.append(sentence)
    return NamedSlices(masks, tuple(left_out))


def measure_slices(
    metric: str, slices: NamedSlices, rows: ScoredRows, min_rows: int
) -> SliceMetrics:
    """`metric` overall and on each slice, with 95 % intervals.

    A slice has no value where it has fewer than `min_rows` independent units, or where the metric
    or its interval is not defined (a single class in the slice, or nearly so). Where that leaves
    fewer than half of the large enough slices, as it does with a mean over many classes, the slices
    are measured by accuracy, which needs no class to be present.
    """
    measured = _measure(metric, slices, rows, min_rows)
    large = sum(rows.where(mask).units >= min_rows for mask in slices.masks.values())
    if metric in NUMBER_METRICS or metric == "accuracy" or 2 * measured.slices >= large:
        return measured
    return replace(_measure("accuracy", slices, rows, min_rows), instead_of=metric)


def _measure(metric: str, slices: NamedSlices, rows: ScoredRows, min_rows: int) -> SliceMetrics:
    everything = np.ones(len(rows), dtype=bool)
    found: list[tuple[str, float, float, float, int]] = []
    unmeasured: list[str] = []
    for name, mask in {"overall": everything, **slices.masks}.items():
        part = rows.where(mask)
        n = len(part)
        if part.units >= max(min_rows, 1):
            estimate = part.estimate([metric])[metric]
            numbers = (estimate.value, estimate.low, estimate.high)
            if np.isfinite(numbers).all():
                found.append((name, *numbers, n))
                continue
        unmeasured.append(name)
    table = pd.DataFrame(found, columns=["label", "value", "low", "high", "n"])
    return SliceMetrics(metric, table, tuple(unmeasured), min_rows)
