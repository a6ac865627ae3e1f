"""What each metric of a regression is: its value for rows that count a given number of times.

Guarantees: the numbers are scikit-learn's with `sample_weight`, except that what is undefined is
NaN here; a row without a prediction, or a label that is no finite number, makes all undefined.

`mae`, `rmse` and `mean_error` (predicted less true: above 0 is too high) are in units of the
target; `r2` is at most 1, and 0 for the mean of the same rows; `coverage` is the share of rows
whose target lies between the ends of their prediction interval, both included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

HIGHER_IS_BETTER: Mapping[str, bool] = {"mae": False, "rmse": False, "r2": True, "coverage": True}
NUMBER_METRICS = frozenset({*HIGHER_IS_BETTER, "mean_error"})


class NumberMetrics:
    """Several metrics of one model's predictions of a number, for any weights of the rows.

    `predictions` has `predicted` and, for coverage, `low` and `high`. Raises ValueError for an
    unknown metric, or when the rows are not those of `labels`.
    """

    def __init__(self, names: Sequence[str], labels: pd.Series, predictions: pd.DataFrame) -> None:
        unknown = [name for name in names if name not in NUMBER_METRICS]
        if unknown:
            raise ValueError(
                f"'{unknown[0]}' is no metric of a regression; known: {', '.join(NUMBER_METRICS)}"
            )
        if not labels.index.equals(predictions.index):
            raise ValueError("the predictions are not for the rows of the labels")
        self._names = tuple(names)
        self._labels = labels.to_numpy(dtype=np.float64)
        self._errors = predictions["predicted"].to_numpy(dtype=np.float64) - self._labels
        self._inside = covered(labels, predictions).astype(np.float64)
        self._has_interval = {"low", "high"} <= set(predictions.columns)
        self._usable = bool(np.isfinite(self._errors).all())

    def __call__(self, weights: npt.NDArray[np.int32]) -> dict[str, Floats]:
        """Each metric's values under `weights` (replicates, rows): one value a replicate."""
        total = weights.sum(axis=1).astype(np.float64)
        if not self._usable or weights.shape[1] == 0:
            return dict.fromkeys(self._names, np.full(len(weights), np.nan))
        counts = weights.astype(np.float64)
        return {name: self._value(name, counts, total) for name in self._names}

    def _value(self, name: str, weights: Floats, total: Floats) -> Floats:
        if name == "coverage":
            if not self._has_interval:
                return np.full(len(weights), np.nan)
            return _ratio(weights @ self._inside, total)
        if name == "mae":
            return _ratio(weights @ np.abs(self._errors), total)
        if name == "mean_error":
            return _ratio(weights @ self._errors, total)
        squares = _ratio(weights @ self._errors**2, total)
        if name == "rmse":
            return np.sqrt(squares)
        mean = _ratio(weights @ self._labels, total)
        centred = self._labels - self._labels.mean()
        shift = mean - self._labels.mean()
        # Centred first: the difference of two large squares would lose its digits.
        spread = _ratio(weights @ centred**2, total) - shift**2
        # Beside the whole spread this is nothing but rounding: the resample has one value.
        least = 1e-12 * float((centred**2).mean())
        return 1 - _ratio(squares, np.where(spread > least, spread, 0.0))


def covered(labels: pd.Series, predictions: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows lie within their prediction interval; none where there are no intervals."""
    if not {"low", "high"} <= set(predictions.columns):
        return np.zeros(len(labels), dtype=bool)
    values = labels.to_numpy(dtype=np.float64)
    low, high = predictions["low"].to_numpy(), predictions["high"].to_numpy()
    inside: npt.NDArray[np.bool_] = (low <= values) & (values <= high)
    return inside


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
