"""The model that always gives the same answer: what every other model has to be better than.

Guarantees: it answers with what train says alone; its probabilities are the shares of the classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tasks.estimators import as_predictions


def class_shares(labels: pd.Series) -> dict[str, float]:
    """The share of each class, sorted by class."""
    shares = labels.value_counts(normalize=True).sort_index()
    return {str(name): float(share) for name, share in shares.items()}


def constant_number(labels: pd.Series, metric: str) -> float:
    """The one estimate that is best by `metric`: the median for mae, else the mean."""
    return float(labels.median() if metric == "mae" else labels.mean())


def constant_estimates(number: float, index: pd.Index) -> pd.DataFrame:
    """The same estimate everywhere, without a prediction interval."""
    return pd.DataFrame({"predicted": np.full(len(index), number)}, index=index)


def constant_predictions(
    shares: Mapping[str, float], index: pd.Index, positive_class: str | None = None
) -> pd.DataFrame:
    """What `print("0")` predicts: the most frequent class, with the classes' shares, everywhere.

    Of equally frequent classes the first in order. `positive_class` makes no difference.
    """
    classes = sorted(shares)
    row = np.asarray([shares[name] for name in classes], dtype=np.float64)
    matrix = np.tile(row, (len(index), 1))
    return as_predictions(matrix, classes, index, positive_class, None)
