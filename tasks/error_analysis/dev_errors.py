"""Which dev rows are wrong, and how sure the model was of them.

Guarantees: of a regression an estimate is wrong when it is off by more than the tolerance, or is no
number at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.conditions import Mask
from tasks.drawn_units import drawn_units
from tasks.errors import ProjectFileError
from tasks.project.dataset import Dataset

HALF_DEVIATION = 0.5


@dataclass(frozen=True)
class DevErrors:
    """The dev rows with their labels and predictions, and which of them are wrong."""

    rows: pd.DataFrame
    labels: pd.Series
    predictions: pd.DataFrame
    wrong: Mask
    classes: list[str]
    commonest: str
    tolerance: float | None = None
    """Of a regression: how far off an estimate may be and still count as right."""
    units: pd.Series | None = None
    """What is drawn as a whole; None: every row is alone."""

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        dataset: Dataset,
        predictions: pd.DataFrame,
        tolerance: float | None = None,
    ) -> DevErrors:
        """The dev `rows` of a dataset; the commonest class is that of the train rows.

        A regression has no classes; `tolerance` is half a standard deviation of train by default.
        """
        roles = dataset.roles
        if roles.regression:
            return cls._of_numbers(rows, dataset, predictions, tolerance)
        labels = roles.labels(rows)
        predictions = predictions.loc[rows.index]
        everything, learned = dataset.labels(), dataset.labels("train")
        counts = (learned if len(learned) else labels).value_counts().sort_index()
        return cls(
            rows=rows,
            labels=labels,
            predictions=predictions,
            wrong=wrong_rows(predictions["predicted"], labels, None),
            classes=sorted(everything.unique()),
            commonest=str(counts.idxmax()),
            units=drawn_units(rows, dataset.split, roles),
        )

    @classmethod
    def _of_numbers(
        cls,
        rows: pd.DataFrame,
        dataset: Dataset,
        predictions: pd.DataFrame,
        tolerance: float | None,
    ) -> DevErrors:
        roles, learned = dataset.roles, dataset.labels("train")
        labels, predictions = roles.labels(rows), predictions.loc[rows.index]
        most = tolerance or HALF_DEVIATION * float((learned if len(learned) else labels).std())
        if not most > 0:
            raise ProjectFileError(
                f"the {len(learned)} train rows have no spread in {roles.target} to tell a right "
                "estimate from a wrong one; set error_analysis.tolerance"
            )
        return cls(
            rows=rows,
            labels=labels,
            predictions=predictions,
            wrong=wrong_rows(predictions["predicted"], labels, most),
            classes=[],
            commonest="",
            tolerance=most,
            units=drawn_units(rows, dataset.split, roles),
        )

    @property
    def rate(self) -> float:
        """Share of dev rows that are predicted wrongly."""
        return float(self.wrong.mean())

    @property
    def probability(self) -> NDArray[np.float64]:
        """What the model gave the class that it predicted, a row each; 0 where it gave none."""
        predicted = self.predictions["predicted"]
        found = np.zeros(len(predicted))
        for name in self.classes:
            if f"p:{name}" in self.predictions:
                chosen = (predicted == name).to_numpy(dtype=bool)
                found[chosen] = self.predictions.loc[chosen, f"p:{name}"]
        return found


def wrong_rows(predicted: pd.Series, labels: pd.Series, tolerance: float | None) -> Mask:
    """Which predictions are another class than the label, or a number too far from it."""
    if tolerance is None:
        return (predicted != labels).to_numpy(dtype=bool)
    off = (predicted - labels).abs().to_numpy(dtype=float)
    wrong: Mask = ~(off <= tolerance)  # an estimate that is no number is wrong, too
    return wrong
