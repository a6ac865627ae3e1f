"""How often each class occurs, is predicted, and is predicted rightly, under any weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.metrics.ranking import Cells, Floats, Places, Weights, ratio


@dataclass(frozen=True)
class ClassCounts:
    """Weights by class, each of shape (replicates, classes)."""

    right: Floats
    predicted: Floats
    actual: Floats

    def precision(self) -> Floats:
        """Share of the rows predicted as the class that are of it."""
        return ratio(self.right, self.predicted)

    def recall(self) -> Floats:
        """Share of the rows of the class that were predicted as it."""
        return ratio(self.right, self.actual)

    def f1(self) -> Floats:
        """Harmonic mean of the two; undefined where the class neither occurs nor is predicted."""
        return ratio(2 * self.right, self.predicted + self.actual)


class ClassIndicators:
    """Which rows are of, and predicted as, each class: counts for any weights of the rows."""

    def __init__(self, actual: Places, predicted: Places, classes: int) -> None:
        of_class, as_class = actual[:, None], predicted[:, None]
        places = np.arange(classes)
        self._classes = classes
        self._matrix = np.hstack(
            [
                (of_class == places) & (as_class == places),
                as_class == places,
                of_class == places,
            ]
        ).astype(np.float64)

    def __call__(self, weights: Weights) -> ClassCounts:
        """Counts under `weights`, of shape (replicates, rows)."""
        sums = weights.astype(np.float64) @ self._matrix
        first, second = self._classes, 2 * self._classes
        return ClassCounts(sums[:, :first], sums[:, first:second], sums[:, second:])


class CellIndicators:
    """The same for many rows: those of one pair of labels are added up first."""

    def __init__(self, actual: Places, predicted: Places, classes: int) -> None:
        self._cells = Cells((actual + 1) * (classes + 1) + predicted + 1)
        first = self._cells.first
        self._indicators = ClassIndicators(actual[first], predicted[first], classes)

    def __call__(self, weights: Weights) -> ClassCounts:
        """Counts under `weights`, of shape (replicates, rows)."""
        return self._indicators(self._cells(weights))
