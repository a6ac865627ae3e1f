"""How much the model's metric would lose without what a feature tells: permutation importance.

A feature's column is shuffled among dev rows, the packaged model scores them, and the loss is the
metric on the rows as they are less the mean of the metric over the shuffles, signed so that a loss
is positive (Breiman, Machine Learning 45 (2001) 5; as model reliance: Fisher, Rudin and Dominici,
JMLR 20 (2019) 177). It is about this model: a feature that it does not use has no importance,
however much it would tell another one.

**The interval** covers both draws that the number depends on. Each of its replicates draws rows
with replacement (whole groups where rows are grouped) and, independently, the shuffles; the metric
on the rows as they are and on the shuffled ones is taken over the same drawn rows, so that what a
row's label adds to both cancels. The ends are percentiles. A row takes its shuffled value along
when it is drawn, so that the part of the donors' variation which all shuffles of the same rows have
in common is not covered. What that costs was measured (tests/benchmarks/importance_intervals.py):
of 300 dev sets of 500 rows, for a fixed model, the interval held the true loss in 94 to 97 of 100,
for accuracy and for average precision. Intervals are for one feature at a time. Not reliable for a
handful of rows or groups.

Features that say nearly the same share their importance: each alone is hardly missed. Those are
shuffled together, by the same shuffle, and named `a + b`.

Guarantees: a feature that is constant, or that the model does not use, has an importance of exactly
0; a row that a shuffle gives its own value is not scored again; memory is bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.error_analysis.dev_errors import DevErrors
from tasks.metrics.values import HIGHER_IS_BETTER, weighted_metrics
from tasks.percentiles import percentiles
from tasks.project.roles import Roles
from tasks.scoring import Score

REPLICATES = 400
_BATCH_CELLS = 1_000_000
_DECIMALS = 12

Floats = NDArray[np.float64]
Draws = NDArray[np.int32]


@dataclass(frozen=True)
class Importance:
    """A feature (or several that say nearly the same) with the metric lost, and its interval.

    `low` and `high` are NaN where the metric is undefined in more than 1 % of the replicates.
    """

    name: str
    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What the interval says."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return "could not be measured"
        if self.low > 0:
            return "matters"
        return "the model is better without" if self.high < 0 else "not shown to matter"


@dataclass(frozen=True)
class _Shuffled:
    """Columns under every shuffle: the distinct rows to score, and which row stands where.

    `places` (shuffles by rows) are positions among the rows as they are, followed by `rows`.
    """

    name: str
    rows: pd.DataFrame
    places: NDArray[np.int64]


class ShuffledFeatures:
    """Dev rows, the shuffles and the replicates, which all features share.

    `value` is the metric on the rows as they are; NaN where it is undefined.
    """

    def __init__(
        self,
        errors: DevErrors,
        chosen: NDArray[np.int64],
        roles: Roles,
        metric: str,
        score: Score,
        shuffles: int,
        seed: int,
    ) -> None:
        rows = errors.rows.iloc[chosen].reset_index(drop=True)
        self._rows = rows[list(roles.features)]
        self._labels = errors.labels.iloc[chosen].reset_index(drop=True)
        self._metric, self._score, self._positive = metric, score, roles.positive_class
        generator = np.random.default_rng(seed)
        n = len(chosen)
        self._shuffles = [generator.permutation(n) for _ in range(shuffles)]
        drawn = _drawn_rows(
            None if errors.units is None else errors.units.iloc[chosen], n, generator
        )
        # The first replicate is the rows as they are.
        self._weights: Draws = np.concatenate([np.ones((1, n), dtype=np.int32), drawn])
        picked = generator.integers(0, shuffles, size=(REPLICATES, shuffles))
        self._picked = np.concatenate([np.arange(shuffles)[None], picked])
        self._unshuffled = self._predictions(self._rows)
        self._whole = self._metric_values(self._unshuffled)
        self.value = float(self._whole[0])

    def importances(self, groups: Sequence[Sequence[str]]) -> Iterator[Importance]:
        """What is lost when the columns of each group are shuffled together, in that order."""
        waiting: list[_Shuffled] = []
        for names in groups:
            waiting.append(self._shuffle(names))
            if sum(one.rows.size for one in waiting) >= _BATCH_CELLS:
                yield from self._measure(waiting)
                waiting = []
        yield from self._measure(waiting)

    def _shuffle(self, names: Sequence[str]) -> _Shuffled:
        """The rows to score for one group.

        A row that is given its own value, or the same other value by two shuffles, is not scored
        again.
        """
        n = len(self._rows)
        codes = self._rows.groupby(list(names), dropna=False, sort=False).ngroup().to_numpy()
        first = np.unique(codes, return_index=True)[1]
        asked = [np.arange(n) * len(first) + codes[shuffle] for shuffle in self._shuffles]
        kinds, kind = np.unique(np.concatenate(asked), return_inverse=True)
        row, code = np.divmod(kinds, len(first))
        new = code != codes[row]
        rows = self._rows.iloc[row[new]].reset_index(drop=True)
        for name in names:
            rows[name] = self._rows[name].iloc[first[code[new]]].reset_index(drop=True)
        place = np.where(new, n + np.cumsum(new) - 1, row)[kind]
        return _Shuffled(" + ".join(names), rows, place.reshape(-1, n))

    def _measure(self, shuffled: Sequence[_Shuffled]) -> Iterator[Importance]:
        """Score the rows of several groups in one call, and compare."""
        scored = self._unshuffled.iloc[:0]
        if any(len(one.rows) for one in shuffled):
            scored = self._predictions(pd.concat([one.rows for one in shuffled], ignore_index=True))
        start = 0
        for one in shuffled:
            part = scored.iloc[start : start + len(one.rows)]
            start += len(one.rows)
            known = pd.concat([self._unshuffled, part], ignore_index=True)
            yield self._compare(one.name, [known.iloc[place] for place in one.places])

    def _compare(self, name: str, predictions: Sequence[pd.DataFrame]) -> Importance:
        """The loss by the predictions under each shuffle."""
        shuffled = [self._metric_values(part.reset_index(drop=True)) for part in predictions]
        sign = 1 if HIGHER_IS_BETTER[self._metric] else -1
        losses = sign * (self._whole[:, None] - np.stack(shuffled, axis=1))
        lost = np.take_along_axis(losses, self._picked, axis=1).mean(axis=1)
        (low, high), _ = percentiles(lost[1:])
        return Importance(name, float(lost[0]), low, high)

    def _predictions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The model's predictions; the last digits, which hang on the batch, are rounded off."""
        return self._score(rows).round(_DECIMALS)

    def _metric_values(self, predictions: pd.DataFrame) -> Floats:
        """The metric in each replicate."""
        measure = weighted_metrics(
            (self._metric,), self._labels, predictions, positive_class=self._positive
        )
        return measure(self._weights)[self._metric]


def _drawn_rows(groups: pd.Series | None, n: int, generator: np.random.Generator) -> Draws:
    """How often each row is drawn in each replicate; rows of one group are drawn together."""
    units = np.arange(n)
    if groups is not None:
        codes, names = pd.factorize(groups)
        units = np.where(codes >= 0, codes, len(names) + np.arange(n))
        units = np.unique(units, return_inverse=True)[1]
    count = int(units.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=REPLICATES)
    return drawn[:, units].astype(np.int32)
