"""How sure a metric, or a difference of two models, is.

Guarantees: the same rows and seed give the same numbers; all metrics and both models of one call
share one set of resamples, so that differences are paired; memory is bounded, because replicates
are evaluated in blocks.

The bootstrap draws rows (whole groups where rows are grouped) with replacement, not stratified by
class, and takes percentiles (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13). It is not reliable for a handful of rows or groups.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.intervals import NORMAL, Difference, Estimate, mcnemar_exact, tango, tango_statistic
from tasks.intervals import wilson as wilson_interval
from tasks.metrics.numbers import NUMBER_METRICS, covered
from tasks.metrics.values import HIGHER_IS_BETTER, SCORE_METRICS, Floats, Weights, weighted_metrics

MAX_UNDEFINED_SHARE = 0.01
IDENTICAL = "identical predictions"
_BLOCK_CELLS = 300_000
_ROW_METRICS = SCORE_METRICS | NUMBER_METRICS
"""Those for which rows of equal label and prediction are not alike."""


def estimate_metrics(
    names: Sequence[str],
    labels: pd.Series,
    predictions: pd.DataFrame,
    *,
    positive_class: str | None,
    replicates: int,
    seed: int,
    groups: pd.Series | None = None,
) -> dict[str, Estimate]:
    """Each metric with its 95 % interval.

    Accuracy, and with a positive class precision and recall, are rates: Wilson's interval, with
    the rate's own denominator as `n`. Everything else, and every metric of grouped rows, has the
    percentile bootstrap. An interval is NaN where more than 1 % of the replicates are undefined,
    or where there are fewer than two rows (groups) to draw from.

    `groups` names the group of each row, indexed as `labels`; groups of one row each are none.
    Raises ValueError as `metric_value`.
    """
    names = tuple(dict.fromkeys(names))
    groups = _real_groups(groups)
    measure = partial(_replicate_values, names, labels, [predictions], positive_class, [math.nan])
    (values,) = measure(None)
    rates = {} if groups is not None else _rates(names, labels, predictions, positive_class)
    estimates = {
        name: _rate_estimate(float(values[name][0]), *counts) for name, counts in rates.items()
    }
    if len(rates) < len(names):
        (draws,) = measure(_Resamples(replicates=replicates, seed=seed, groups=groups))
        method = "bootstrap" if groups is None else "group bootstrap"
        for name in names:
            if name in rates:
                continue
            low, high, share = _percentiles(draws[name])
            estimates[name] = Estimate(
                value=float(values[name][0]),
                low=low,
                high=high,
                n=len(labels),
                undefined_share=share,
                method=method,
            )
    return {name: estimates[name] for name in names}


def paired_difference(  # noqa: PLR0913
    name: str,
    labels: pd.Series,
    candidate: pd.DataFrame,
    other: pd.DataFrame,
    *,
    positive_class: str | None,
    replicates: int,
    seed: int,
    groups: pd.Series | None = None,
    margin: float | None = None,
    precision_of_silent_other: float = math.nan,
) -> Difference:
    """How much better `candidate` is than `other` on the same rows, with its 95 % interval.

    Positive means better, also for log_loss. Accuracy of ungrouped rows: Tango's interval, with
    McNemar's exact p beside it. Everything else: the paired bootstrap of rows (of groups). Where
    the two predict the same on every row the difference is exactly 0. With `margin`, `p_loss` is
    the one-sided p of "the candidate loses no more than `margin`". `precision_of_silent_other` is
    what counts as the other's precision for a class that it never predicts (default: undefined).

    Raises ValueError as `metric_value`.
    """
    if not candidate.index.equals(other.index):
        raise ValueError("the two models' predictions are not for the same rows")
    groups = _real_groups(groups)
    sign = 1 if HIGHER_IS_BETTER.get(name, True) else -1
    silence = [math.nan, precision_of_silent_other]
    measure = partial(
        _replicate_values, (name,), labels, [candidate, other], positive_class, silence
    )
    points = measure(None)
    value = sign * float(points[0][name][0] - points[1][name][0])
    discordant = None if name in _ROW_METRICS else _discordant(name, labels, candidate, other)
    if not math.isnan(value) and candidate.equals(other.reindex(columns=candidate.columns)):
        return Difference(
            value=0.0, low=0.0, high=0.0, n=len(labels), method=IDENTICAL, discordant=discordant,
            p_loss=None if margin is None else 1.0,
        )  # fmt: skip
    if name == "accuracy" and groups is None and not math.isnan(value):
        return _tango_difference(labels, candidate, other, margin)
    weights = _Resamples(replicates=replicates, seed=seed, groups=groups)
    draws = measure(weights)
    differences = sign * (draws[0][name] - draws[1][name])
    low, high, share = _percentiles(differences)
    return Difference(
        value=value,
        low=low,
        high=high,
        n=len(labels),
        method="paired bootstrap" if groups is None else "paired group bootstrap",
        undefined_share=share,
        discordant=discordant,
        p_loss=None if margin is None or math.isnan(low) else _p_loss(differences, margin),
    )


class _Resamples:
    """How often each row counts in each replicate, in blocks of shape (replicates, rows)."""

    def __init__(self, *, replicates: int, seed: int, groups: pd.Series | None) -> None:
        self._replicates = replicates
        self._seed = seed
        self.groups = groups

    def of_rows(self, labels: pd.Series) -> Iterator[Weights]:
        """Draws of rows, or of whole groups."""
        rows = len(labels)
        units = np.arange(rows) if self.groups is None else _group_codes(self.groups, labels)
        count = int(units.max()) + 1 if rows else 0
        if count < 2:
            yield np.zeros((self._replicates, rows), dtype=np.int32)
            return
        generator = np.random.default_rng(self._seed)
        for size in _blocks(self._replicates, max(rows, count)):
            drawn = generator.integers(0, count, size=(size, count))
            drawn += np.arange(size)[:, None] * count
            counts = np.bincount(drawn.ravel(), minlength=size * count)
            weights = counts.reshape(size, count).astype(np.int32)
            yield weights if self.groups is None else np.take(weights, units, axis=1)

    def of_patterns(self, sizes: npt.NDArray[np.int64]) -> Iterator[Weights]:
        """Draws of rows where only the pattern of a row matters: `sizes` counts its rows."""
        rows = int(sizes.sum())
        if rows < 2:
            yield np.zeros((self._replicates, len(sizes)), dtype=np.int32)
            return
        generator = np.random.default_rng(self._seed)
        for size in _blocks(self._replicates, len(sizes)):
            yield generator.multinomial(rows, sizes / rows, size=size).astype(np.int32)


def _replicate_values(
    names: Sequence[str],
    labels: pd.Series,
    models: Sequence[pd.DataFrame],
    positive_class: str | None,
    silence: Sequence[float],
    weights: _Resamples | None,
) -> list[dict[str, Floats]]:
    """For each model, each metric's value in every replicate; without `weights`, its one value."""
    blocks: Iterator[Weights]
    if weights is None:
        blocks = iter([np.ones((1, len(labels)), dtype=np.int32)])
    elif weights.groups is None and not _ROW_METRICS.intersection(names):
        # Rows with equal labels are alike: drawing how often each pattern occurs is the same
        # distribution at a fraction of the cost.
        first_rows, sizes = _patterns(labels, models)
        labels, models = labels.iloc[first_rows], [model.iloc[first_rows] for model in models]
        blocks = weights.of_patterns(sizes)
    else:
        blocks = weights.of_rows(labels)
    evaluators = [
        weighted_metrics(
            names, labels, model, positive_class=positive_class, precision_of_silence=precision
        )
        for model, precision in zip(models, silence, strict=True)
    ]
    found: list[list[dict[str, Floats]]] = [[] for _ in models]
    for block in blocks:
        for values, evaluate in zip(found, evaluators, strict=True):
            values.append(evaluate(block))
    return [
        {name: np.concatenate([block[name] for block in values]) for name in names}
        for values in found
    ]


def _patterns(
    labels: pd.Series, models: Sequence[pd.DataFrame]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """The first row of each combination of label and predicted labels, and its rows' number."""
    key = np.zeros(len(labels), dtype=np.int64)
    for column in (labels, *(model["predicted"] for model in models)):
        found, values = pd.factorize(column, sort=True, use_na_sentinel=False)
        key = key * max(len(values), 1) + found
    _, first_rows, sizes = np.unique(key, return_index=True, return_counts=True)
    return first_rows, sizes.astype(np.int64)


def _rates(
    names: Sequence[str], labels: pd.Series, predictions: pd.DataFrame, positive_class: str | None
) -> dict[str, tuple[int, int]]:
    """Successes and denominator of those metrics that are simple rates."""
    if pd.api.types.is_float_dtype(labels.dtype):
        inside = covered(labels, predictions)
        return {"coverage": (int(inside.sum()), len(inside))} if "coverage" in names else {}
    right = (labels == predictions["predicted"]).to_numpy(dtype=bool)
    rates = {"accuracy": (int(right.sum()), len(right))}
    if positive_class is not None:
        actual = (labels == positive_class).to_numpy(dtype=bool)
        predicted = (predictions["predicted"] == positive_class).to_numpy(dtype=bool)
        hits = int((actual & predicted).sum())
        rates |= {"recall": (hits, int(actual.sum())), "precision": (hits, int(predicted.sum()))}
    return {name: rates[name] for name in names if name in rates}


def _rate_estimate(value: float, successes: int, n: int) -> Estimate:
    """A rate with Wilson's interval; all NaN where the metric is undefined."""
    undefined = math.isnan(value)
    low, high = (math.nan, math.nan) if undefined else wilson_interval(successes, n)
    return Estimate(
        value=value, low=low, high=high, n=n, undefined_share=float(undefined), method="wilson"
    )


def _percentiles(draws: Floats) -> tuple[float, float, float]:
    """Ends of the 95 % interval, and the share of undefined replicates."""
    defined = draws[~np.isnan(draws)]
    share = 1 - len(defined) / len(draws)
    if share > MAX_UNDEFINED_SHARE:
        return math.nan, math.nan, share
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high), share


def _p_loss(differences: Floats, margin: float) -> float:
    """One-sided p that the percentile interval of `differences` gives; never 0."""
    defined = differences[~np.isnan(differences)]
    return float((1 + np.sum(defined >= -margin)) / (1 + len(defined)))


def _discordant(name: str, labels: pd.Series, one: pd.DataFrame, other: pd.DataFrame) -> int:
    """Rows that tell two models apart: one is right (accuracy), or the labels differ (others)."""
    first, second = one["predicted"], other["predicted"]
    differ = first != second
    if name == "accuracy":
        differ &= (first == labels) | (second == labels)
    return int(differ.sum())


def _tango_difference(
    labels: pd.Series, candidate: pd.DataFrame, other: pd.DataFrame, margin: float | None
) -> Difference:
    first = (candidate["predicted"] == labels).to_numpy(dtype=bool)
    second = (other["predicted"] == labels).to_numpy(dtype=bool)
    b, c, n = int((first & ~second).sum()), int((second & ~first).sum()), len(labels)
    low, high = tango(b, c, n)
    p_loss = None if margin is None else NORMAL.cdf(tango_statistic(b, c, n, -margin))
    return Difference(
        value=(b - c) / n,
        low=low,
        high=high,
        n=n,
        method="tango",
        discordant=b + c,
        p_value=mcnemar_exact(b, c),
        p_loss=p_loss,
    )


def _real_groups(groups: pd.Series | None) -> pd.Series | None:
    """None where no two rows share a group: the rows are then independent."""
    return None if groups is None or groups.dropna().is_unique else groups


def _group_codes(groups: pd.Series, labels: pd.Series) -> npt.NDArray[np.intp]:
    """A number for the group of each row; a row without a group is a group of its own."""
    if not groups.index.equals(labels.index):
        raise ValueError("the groups are not for the rows of the labels")
    found, names = pd.factorize(groups, sort=True)
    missing = found < 0
    found[missing] = len(names) + np.arange(int(missing.sum()))
    return found


def _blocks(replicates: int, width: int) -> Iterator[int]:
    """Sizes of the blocks, so that a block of weights stays near 1 MB (a processor's cache)."""
    size = max(1, _BLOCK_CELLS // max(width, 1))
    for start in range(0, replicates, size):
        yield min(size, replicates - start)
