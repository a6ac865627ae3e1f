"""From which probability on the positive class is predicted, read from dev.

Guarantees: thresholds lie between observed probabilities, so that rounding does not move a row
across them; of equally good ones the nearest to one half is taken.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HALF = 0.5
CURVE_ROWS = 60


def best_f1_threshold(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """The threshold with the highest F1 of the positive class; one half where F1 is undefined.

    It is fitted to the rows given: F1 on them is flattered, the more so the fewer positives.
    """
    if not positive.any():
        return HALF
    curve = f1_curve(positive, scores)
    best = curve[curve["f1"] == curve["f1"].max()]
    return float(best["threshold"].iloc[(best["threshold"] - HALF).abs().argmin()])


def f1_curve(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> pd.DataFrame:
    """Every threshold that tells rows apart, ascending: threshold, precision, recall, f1.

    Row by row of distinct scores; the first predicts every row as positive.
    """
    levels, places = np.unique(scores, return_inverse=True)
    rows = np.bincount(places, minlength=len(levels))
    hits = np.bincount(places, weights=positive, minlength=len(levels))
    predicted = rows[::-1].cumsum()[::-1]
    right = hits[::-1].cumsum()[::-1]
    middle = (levels[1:] + levels[:-1]) / 2
    middle = np.where(middle > levels[:-1], middle, levels[1:])  # neighbours among the floats
    return pd.DataFrame(
        {
            "threshold": np.concatenate([levels[:1], middle]),
            "precision": right / predicted,
            "recall": right / max(int(positive.sum()), 1),
            "f1": 2 * right / (predicted + positive.sum()),
        }
    )


def shown_curve(curve: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """At most `CURVE_ROWS` rows, evenly spread, and the one that was chosen."""
    steps = np.linspace(0, len(curve) - 1, num=min(CURVE_ROWS, len(curve)))
    places = {int(place) for place in np.unique(steps.round())}
    places.add(int((curve["threshold"] - threshold).abs().argmin()))
    return curve.iloc[sorted(places)].reset_index(drop=True)
