"""Tables by class: how often each kind of row is got right, and how sure that is.

Guarantees: every rate comes with its interval and its own rows; a rate without rows is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.metrics.estimates import estimate_metrics
from tasks.metrics.values import codes


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
