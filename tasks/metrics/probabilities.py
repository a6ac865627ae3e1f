"""What probabilities are worth as chances: losses, and how far they are from what happened.

Guarantees: a class without a column has probability 0; everything is linear in the weights of the
rows before the last step, so that many sets of weights cost one product of matrices.

`brier`: mean squared difference of probability and outcome (Brier 1950), of one class in [0, 1],
over all classes the sum, in [0, 2]. `log_loss`: mean of minus the logarithm of the probability
that the row's own class was given. `calibration_error`: mean absolute difference of probability
and frequency over ten bins of equal width (Naeini et al. 2015), of one class, or of the most
probable one (Guo et al. 2017).

A calibration error is biased upwards: chance alone moves the frequency in each bin, and an
absolute value does not average it away (Bröcker and Smith 2007; Kumar et al. 2019; Roelofs et al.
2022), so a perfectly calibrated model shows one too. See `estimates` for its interval.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.metrics.ranking import Floats, Places, Weights, ratio

CALIBRATION_BINS = 10
_START = "p:"


class Losses:
    """The mean of one number a row."""

    def __init__(self, losses: Floats) -> None:
        self._losses = losses

    def __call__(self, weights: Weights) -> Floats:
        """The mean under each set of weights (replicates, rows)."""
        return ratio(weights.astype(np.float64) @ self._losses, weights.sum(axis=1).astype(float))


class CalibrationGaps:
    """Sums of probability less outcome in each bin, for any weights of the rows."""

    def __init__(
        self,
        told: Floats,
        happened: npt.NDArray[np.bool_],
        sizes: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """`sizes`: how many observed rows each row stands for (default: one)."""
        self._matrix = np.zeros((len(told), CALIBRATION_BINS))
        self._matrix[np.arange(len(told)), calibration_bins(told)] = told - happened
        counts = np.ones(len(told)) if sizes is None else sizes.astype(np.float64)
        self._observed = counts @ self._matrix / max(counts.sum(), 1.0)

    def error(self, weights: Weights) -> Floats:
        """The calibration error under each set of weights."""
        return self._absolute(weights, np.zeros(CALIBRATION_BINS))

    def noise(self, weights: Weights) -> Floats:
        """How far the bins' gaps are from the observed ones: their absolute differences, summed."""
        return self._absolute(weights, self._observed)

    def _absolute(self, weights: Weights, centre: Floats) -> Floats:
        total = weights.sum(axis=1).astype(np.float64)
        sums = weights.astype(np.float64) @ self._matrix
        return ratio(np.abs(sums - total[:, None] * centre).sum(axis=1), total)


def calibration_bins(told: Floats) -> Places:
    """The bin of each probability, from 0; the last one holds 1."""
    return np.clip((told * CALIBRATION_BINS).astype(np.intp), 0, CALIBRATION_BINS - 1)


def has_probabilities(predictions: pd.DataFrame) -> bool:
    """Whether there are columns of probabilities, and none of them has a gap."""
    columns = [column for column in predictions.columns if str(column).startswith(_START)]
    return bool(columns) and not predictions[columns].isna().to_numpy().any()


def probability_of(predictions: pd.DataFrame, name: str) -> Floats:
    """The probability of a class in each row; 0 where the model does not know the class."""
    column = f"{_START}{name}"
    if column not in predictions:
        return np.zeros(len(predictions))
    return predictions[column].to_numpy(np.float64)


def squared_errors(
    labels: pd.Series, predictions: pd.DataFrame, positive_class: str | None
) -> Floats:
    """What each row adds to the Brier score."""
    names = [positive_class] if positive_class is not None else known_classes(labels, predictions)
    total = np.zeros(len(labels))
    for name in names:
        happened = (labels == name).to_numpy(dtype=bool)
        total += (probability_of(predictions, name) - happened) ** 2
    return total


def log_losses(labels: pd.Series, predictions: pd.DataFrame) -> Floats:
    """What each row adds to the log loss; probabilities are kept off 0 and 1 by one epsilon."""
    own = np.zeros(len(labels))
    for name in labels.unique():
        mine = (labels == name).to_numpy(dtype=bool)
        own[mine] = probability_of(predictions, str(name))[mine]
    smallest = np.finfo(np.float64).eps
    losses: Floats = -np.log(np.clip(own, smallest, 1 - smallest))
    return losses


def told_and_happened(
    labels: pd.Series, predictions: pd.DataFrame, positive_class: str | None
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Each row's probability of the class, or of its most probable one, and whether it was so."""
    if positive_class is not None:
        happened = (labels == positive_class).to_numpy(dtype=bool)
        return probability_of(predictions, positive_class), happened
    names = known_classes(labels, predictions)
    if not names:
        return np.zeros(len(labels)), np.zeros(len(labels), dtype=bool)
    best, told = np.zeros(len(labels), dtype=np.intp), np.full(len(labels), -np.inf)
    for place, name in enumerate(names):
        own = probability_of(predictions, name)
        better = own > told
        best[better], told[better] = place, own[better]
    actual = pd.Index(names, dtype="str").get_indexer(pd.Index(labels.astype("str")))
    return told, best == actual


def known_classes(labels: pd.Series, predictions: pd.DataFrame) -> list[str]:
    """The classes that have a probability or a row, sorted."""
    told = {str(c).removeprefix(_START) for c in predictions.columns if str(c).startswith(_START)}
    return sorted(told | {str(name) for name in labels.dropna().unique()})
