"""A metric in which rows count by their importance, and how sure it is.

Guarantee: with all weights equal the value is that of the plain metric.

The interval is the percentile bootstrap of rows, or of groups where rows are grouped: units are
drawn with equal chances and each row then counts by its weight, so that the interval is that of the
weighted metric in the population that the rows stand for. Few rows of great weight make it wide,
as they should; for a handful of them it is not reliable.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from tasks.intervals import Estimate
from tasks.metrics.ranking import Floats, Weights
from tasks.metrics.values import WeightedMetrics
from tasks.percentiles import percentiles

_BLOCK_CELLS = 300_000


def weighted_estimate(
    name: str,
    labels: pd.Series,
    predictions: pd.DataFrame,
    weights: Floats,
    *,
    positive_class: str | None,
    replicates: int,
    seed: int,
    groups: pd.Series | None = None,
) -> Estimate:
    """The metric `name` with row i counted `weights[i]` times, with its 95 % interval.

    Weights are finite and not negative; only their ratios matter. `n` is the number of rows with a
    weight above 0. The interval is NaN where more than 1 % of the replicates are undefined, or
    where there are fewer than two units to draw. Raises ValueError as `metric_value`.
    """
    counted = weights > 0
    # The ranking metrics take a row that counts to count at least once.
    scale = float(weights[counted].min()) if counted.any() else 1.0
    scaled = weights.astype(np.float64) / scale
    measure = WeightedMetrics((name,), labels, predictions, positive_class=positive_class)
    value = float(measure(cast(Weights, scaled[None, :]))[name][0])
    units = np.arange(len(labels))
    if groups is not None:
        # A row without a group is a group of its own.
        units, names = pd.factorize(groups)
        units = np.where(units < 0, len(names) + np.cumsum(units < 0) - 1, units)
    draws = _draws(measure, name, scaled, units, replicates, seed)
    (low, high), share = percentiles(draws)
    return Estimate(
        value=value,
        low=low,
        high=high,
        n=int(counted.sum()),
        undefined_share=share,
        method="bootstrap" if groups is None else "group bootstrap",
    )


def _draws(
    measure: WeightedMetrics,
    name: str,
    weights: Floats,
    units: np.ndarray[tuple[int], np.dtype[np.intp]],
    replicates: int,
    seed: int,
) -> Floats:
    count = int(units.max()) + 1 if len(units) else 0
    if count < 2:
        return np.zeros(0)
    generator = np.random.default_rng(seed)
    size = max(1, _BLOCK_CELLS // len(weights))
    found = []
    for start in range(0, replicates, size):
        block = min(size, replicates - start)
        drawn = generator.integers(0, count, size=(block, count))
        drawn += np.arange(block)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=block * count).reshape(block, count)
        counts = np.take(times, units, axis=1) * weights
        found.append(measure(cast(Weights, counts))[name])
    return np.concatenate(found)
