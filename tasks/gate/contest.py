"""The models that are compared, and the rows on which they are.

Guarantees: both models are measured on exactly the rows of the contest; rows that a model did not
score make its metric undefined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.intervals import Difference
from tasks.metrics import estimate_metrics, metric_value, paired_difference
from tasks.metrics.values import weighted_metrics

STAGE = "gate"


@dataclass(frozen=True, kw_only=True)
class Opponent:
    """A model that the candidate is compared with; `problem` says why it gave no predictions.

    `comparable` marks the test rows that neither it nor the candidate was fitted or tuned on
    (None: all of them).
    """

    key: str
    label: str
    predictions: pd.DataFrame | None
    problem: str = ""
    version: str = ""
    comparable: npt.NDArray[np.bool_] | None = None

    @classmethod
    def of_version(
        cls,
        key: str,
        version: str,
        predictions: pd.DataFrame | None,
        *,
        problem: str = "",
        comparable: npt.NDArray[np.bool_] | None = None,
    ) -> Opponent:
        """A registered version of the model, the champion or the anchor."""
        return cls(
            key=key,
            label=f"{key} {version}",
            predictions=None if problem else predictions,
            problem=problem,
            version=version,
            comparable=comparable,
        )


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The rows on which models are compared, and how; `level` is that of the interval."""

    metric: str
    labels: pd.Series
    candidate: pd.DataFrame
    positive_class: str | None
    replicates: int
    seed: int
    groups: pd.Series | None = None
    level: float = 0.95

    def where(self, mask: npt.NDArray[np.bool_]) -> Contest:
        """The same contest on the rows that `mask` marks."""
        return replace(
            self,
            labels=self.labels[mask],
            candidate=self.candidate[mask],
            groups=None if self.groups is None else self.groups[mask],
        )

    def comparable_with(self, opponent: Opponent | None) -> Contest:
        """The same contest on the rows that `opponent` may be compared on; all without one.

        Raises ValueError for a mask of another length.
        """
        if opponent is None or opponent.comparable is None:
            return self
        marked, rows = len(opponent.comparable), len(self.labels)
        if marked != rows:
            raise ValueError(f"comparable marks {marked} rows, and there are {rows} labels")
        return self.where(np.asarray(opponent.comparable, dtype=bool))

    def values(self, predictions: pd.DataFrame) -> tuple[float, float]:
        """The metric of the candidate and of another model; NaN where it is undefined."""
        others = predictions.reindex(self.labels.index)
        own, other = (
            weighted_metrics(
                (self.metric,),
                self.labels,
                model,
                positive_class=self.positive_class,
                precision_of_silence=silence,
            )(np.ones((1, len(self.labels)), dtype=np.int32))[self.metric][0]
            for model, silence in ((self.candidate, math.nan), (others, 0.0))
        )
        return float(own), float(other)

    def difference(self, predictions: pd.DataFrame, margin: float | None = None) -> Difference:
        """How much better the candidate is; positive is better."""
        return paired_difference(
            self.metric,
            self.labels,
            self.candidate,
            predictions.reindex(self.labels.index),
            positive_class=self.positive_class,
            replicates=self.replicates,
            seed=self.seed,
            groups=self.groups,
            margin=margin,
            level=self.level,
            # Else nothing could ever beat the precision of a baseline that predicts one class.
            precision_of_silent_other=0.0,
        )

    def table(self, models: Sequence[Opponent]) -> pd.DataFrame:
        """One row a model: model, label, metric, value, low, high, n."""
        own = Opponent(key="candidate", label="candidate", predictions=self.candidate)
        rows = []
        for model in (own, *models):
            if model.predictions is None:
                continue
            found = estimate_metrics(
                (self.metric,),
                self.labels,
                model.predictions.reindex(self.labels.index),
                positive_class=self.positive_class,
                replicates=self.replicates,
                seed=self.seed,
                groups=self.groups,
            )[self.metric]
            rows.append(
                {
                    "model": model.key,
                    "label": model.label,
                    "metric": self.metric,
                    "value": found.value,
                    "low": found.low,
                    "high": found.high,
                    "n": found.n,
                }
            )
        return pd.DataFrame(rows)

    def is_defined(self) -> bool:
        """Whether the candidate itself has a value."""
        value = metric_value(
            self.metric, self.labels, self.candidate, positive_class=self.positive_class
        )
        return not math.isnan(value)
