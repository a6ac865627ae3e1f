"""Tables by class and by group: how often each kind of row is got right, and how sure that is.

Guarantees: every rate comes with its interval and its own denominator; a rate without rows is
NaN with the interval (0, 1), never 0 or 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.intervals import wilson
from tasks.metrics.estimates import estimate_metrics
from tasks.metrics.values import codes

RATES = ("selection_rate", "false_positive_rate", "false_negative_rate")


def class_report(
    labels: pd.Series,
    predictions: pd.DataFrame,
    classes: Sequence[str],
    *,
    replicates: int = 1000,
    seed: int = 0,
    groups: pd.Series | None = None,
) -> pd.DataFrame:
    """One row a class: support, and precision, recall and F1 with their 95 % intervals.

    Columns: class, support (rows of the class), predicted (rows predicted as it), and for each
    of the three metrics its value, `<metric>_low` and `<metric>_high`. Intervals as in
    `estimate_metrics`; NaN where the metric, or its interval, is undefined.
    """
    rows = []
    for name in classes:
        found = estimate_metrics(
            ("precision", "recall", "f1"),
            labels,
            predictions,
            positive_class=name,
            replicates=replicates,
            seed=seed,
            groups=groups,
        )
        row: dict[str, str | int | float] = {
            "class": name,
            "support": int((labels == name).sum()),
            "predicted": int((predictions["predicted"] == name).sum()),
        }
        for metric, estimate in found.items():
            row |= {
                metric: estimate.value,
                f"{metric}_low": estimate.low,
                f"{metric}_high": estimate.high,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def confusion_counts(
    labels: pd.Series, predictions: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    """One row a pair of classes, in the order of `classes`: actual, predicted, count."""
    actual, predicted = codes(labels, classes), codes(predictions["predicted"], classes)
    known = (actual >= 0) & (predicted >= 0)
    places = actual[known] * len(classes) + predicted[known]
    return pd.DataFrame(
        {
            "actual": np.repeat(np.asarray(classes, dtype=object), len(classes)),
            "predicted": np.tile(np.asarray(classes, dtype=object), len(classes)),
            "count": np.bincount(places, minlength=len(classes) ** 2),
        }
    ).astype({"actual": "str", "predicted": "str"})


def group_rates(
    labels: pd.Series, predictions: pd.DataFrame, group: pd.Series, of_class: str
) -> pd.DataFrame:
    """How each group of rows fares with respect to one class, a row a group, groups sorted.

    A row is selected when it is predicted as `of_class`. `selection_rate` is over all rows of the
    group, `false_positive_rate` over its rows of other classes, `false_negative_rate` over its
    rows of the class. Columns: group, n (rows), and for each rate its value, `<rate>_low` and
    `<rate>_high` (Wilson), `<rate>_count` and `<rate>_n` (numerator and denominator). Rows
    without a group are the group "(missing)".
    """
    frame = pd.DataFrame(
        {
            "group": group.astype("str").fillna("(missing)").to_numpy(),
            "actual": (labels == of_class).to_numpy(dtype=bool),
            "selected": (predictions["predicted"] == of_class).to_numpy(dtype=bool),
        }
    )
    rows = []
    for name, part in frame.groupby("group", sort=True):
        actual, selected = part["actual"], part["selected"]
        counts = {
            "selection_rate": (int(selected.sum()), len(part)),
            "false_positive_rate": (int((selected & ~actual).sum()), int((~actual).sum())),
            "false_negative_rate": (int((~selected & actual).sum()), int(actual.sum())),
        }
        row: dict[str, object] = {"group": name, "n": len(part)}
        for rate in RATES:
            row |= _rate_columns(rate, *counts[rate])
        rows.append(row)
    columns = ["group", "n", *(key for rate in RATES for key in _rate_columns(rate, 0, 0))]
    return pd.DataFrame(rows, columns=columns)


def _rate_columns(rate: str, count: int, n: int) -> dict[str, object]:
    low, high = wilson(count, n)
    return {
        rate: count / n if n else math.nan,
        f"{rate}_low": low,
        f"{rate}_high": high,
        f"{rate}_count": count,
        f"{rate}_n": n,
    }
