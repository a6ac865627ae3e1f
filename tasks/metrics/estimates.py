"""How sure a metric, or a difference of two models, is.

Guarantees: the same rows and seed give the same numbers; all metrics and both models of one call
share one set of resamples, so that differences are paired; memory is bounded, because replicates
are evaluated in blocks. Values are exact for any number of rows; the replicates of metrics of the
scores use 4,096 quantile bins of the scores where there are more than 20,000 rows, which moves an
end of an interval by less than 1e-3 (`tests/benchmarks/audit_at_scale.py` measures it).

The bootstrap draws rows (whole groups where rows are grouped) with replacement, not stratified by
class, and takes percentiles (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13). It is not reliable for a handful of rows or groups.

The percentiles of average_precision are moved by one number, so that the mean of the replicates is
the value: a row that is drawn twice stands next to itself, which lifts the precision of any order
that has no ties, noise included, and that of a constant not at all. Without it noise beat a
constant in 10 % of samples instead of 2.5 % (`tests/benchmarks/first_model_error_rates.py`).

A level above 95 % would rest on a handful of replicates. Its ends are those of 95 %, each moved
away from the median as a normal with that half would have it, so that 1,000 replicates do: on 600
rows the lower end errs in 0.7 % for a nominal 0.5 % (F1), in 0.12 % for 0.06 %
(`tests/benchmarks/nightly_judgements.py`).

Percentiles would mislead for a calibration error, which chance only adds to: a resample carries
the chance of the rows and its own, so that for a calibrated model the whole interval lies above
the truth. Its lower end is therefore the value less what chance moves the bins by (the 97.5th
percentile of `calibration_noise`), at least 0: by the triangle inequality the true error is below
that in at most 2.5 % of samples, asymptotically. The upper end is the 97.5th percentile, which
errs on the wide side. In simulations of 100 to 20,000 rows it held the truth in 95 % or more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.intervals import NORMAL, Difference, Estimate, mcnemar_exact, tango, tango_statistic
from tasks.intervals import wilson as wilson_interval
from tasks.metrics.numbers import NUMBER_METRICS, covered
from tasks.metrics.ranking import Floats
from tasks.metrics.resampling import Resamples, real_groups, replicate_values, unit_codes
from tasks.metrics.values import HIGHER_IS_BETTER, SCORE_METRICS
from tasks.percentiles import percentiles
from tasks.unit_intervals import unit_rate

IDENTICAL = "identical predictions"
MOSTLY_ALONE = 2 / 3
"""With so many units for each row a rate needs no bootstrap, which is poor near 0 and 1."""
Marks = NDArray[np.bool_]
Codes = NDArray[np.intp]
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
    the rate's own denominator as `n`; where few rows share a group (as copies do), at the effective
    number of rows. Everything else, and every metric of rows in fewer groups than `MOSTLY_ALONE`
    of the rows, has the percentile bootstrap. An interval is NaN where more than 1 % of the
    replicates are undefined, or where there are fewer than two rows (groups) to draw from.

    `groups` names the group of each row, indexed as `labels`; groups of one row each are none.
    Raises ValueError as `metric_value`.
    """
    names = tuple(dict.fromkeys(names))
    groups = real_groups(groups)
    measure = partial(replicate_values, names, labels, [predictions], positive_class, [math.nan])
    (values,) = measure(None)
    codes = unit_codes(groups, labels)
    few = codes is not None and int(codes.max()) + 1 < MOSTLY_ALONE * len(labels)
    rates = {} if few else _rates(names, labels, predictions, positive_class)
    estimates = {
        name: _rate_estimate(float(values[name][0]), *marks, codes) for name, marks in rates.items()
    }
    if len(rates) < len(names):
        noise = ("calibration_noise",) if "calibration_error" in names else ()
        (draws,) = replicate_values(
            (*names, *noise), labels, [predictions], positive_class, [math.nan],
            Resamples(replicates=replicates, seed=seed, groups=groups),
        )  # fmt: skip
        method = "bootstrap" if groups is None else "group bootstrap"
        for name in names:
            if name in rates:
                continue
            value = float(values[name][0])
            own = _centred(name, draws[name], value)
            low, high, share = _percentiles(np.clip(own, 0, 1) if own is not draws[name] else own)
            if name == "calibration_error":
                low, high = _biased_ends(value, high, draws["calibration_noise"])
            estimates[name] = Estimate(
                value=value,
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
    level: float = 0.95,
) -> Difference:
    """How much better `candidate` is than `other` on the same rows, with its interval of `level`.

    Positive means better, also for log_loss. Accuracy of ungrouped rows: Tango's interval, with
    McNemar's exact p beside it. Everything else: the paired bootstrap of rows (of groups). Where
    the two predict the same on every row the difference is exactly 0. With `margin`, `p_loss` is
    the one-sided p of "the candidate loses no more than `margin`". `precision_of_silent_other` is
    what counts as the other's precision for a class that it never predicts (default: undefined).

    Raises ValueError as `metric_value`.
    """
    if not candidate.index.equals(other.index):
        raise ValueError("the two models' predictions are not for the same rows")
    groups = real_groups(groups)
    sign = 1 if HIGHER_IS_BETTER.get(name, True) else -1
    silence = [math.nan, precision_of_silent_other]
    measure = partial(
        replicate_values, (name,), labels, [candidate, other], positive_class, silence
    )
    points = measure(None)
    value = sign * float(points[0][name][0] - points[1][name][0])
    discordant = None if name in _ROW_METRICS else _discordant(name, labels, candidate, other)
    if not math.isnan(value) and candidate.equals(other.reindex(columns=candidate.columns)):
        return Difference(
            value=0.0, low=0.0, high=0.0, n=len(labels), method=IDENTICAL, discordant=discordant,
            p_loss=None if margin is None else 1.0, level=level,
        )  # fmt: skip
    if name == "accuracy" and groups is None and not math.isnan(value):
        return _tango_difference(labels, candidate, other, margin, level)
    weights = Resamples(replicates=replicates, seed=seed, groups=groups)
    draws = measure(weights)
    differences = _centred(name, sign * (draws[0][name] - draws[1][name]), value)
    low, high, share = _percentiles(differences, level)
    return Difference(
        value=value,
        low=low,
        high=high,
        n=len(labels),
        method="paired bootstrap" if groups is None else "paired group bootstrap",
        undefined_share=share,
        discordant=discordant,
        p_loss=None if margin is None or math.isnan(low) else _p_loss(differences, margin),
        level=level,
    )


def _rates(
    names: Sequence[str], labels: pd.Series, predictions: pd.DataFrame, positive_class: str | None
) -> dict[str, tuple[Marks, Marks]]:
    """Of those metrics that are simple rates: which rows count at all, and which as a success."""
    every = np.ones(len(labels), dtype=bool)
    if pd.api.types.is_float_dtype(labels.dtype):
        inside = np.asarray(covered(labels, predictions), dtype=bool)
        return {"coverage": (every, inside)} if "coverage" in names else {}
    right = (labels == predictions["predicted"]).to_numpy(dtype=bool)
    rates = {"accuracy": (every, right)}
    if positive_class is not None:
        actual = (labels == positive_class).to_numpy(dtype=bool)
        predicted = (predictions["predicted"] == positive_class).to_numpy(dtype=bool)
        rates |= {"recall": (actual, predicted), "precision": (predicted, actual)}
    return {name: rates[name] for name in names if name in rates}


def _rate_estimate(value: float, counted: Marks, hits: Marks, units: Codes | None) -> Estimate:
    """A rate with Wilson's interval; all NaN where the metric is undefined."""
    n, low, high = int(counted.sum()), math.nan, math.nan
    undefined = math.isnan(value)
    if not undefined and units is None:
        low, high = wilson_interval(int((counted & hits).sum()), n)
    elif not undefined and units is not None:
        low, high = unit_rate(hits[counted], units[counted])
    return Estimate(
        value=value, low=low, high=high, n=n, undefined_share=float(undefined), method="wilson"
    )


def _percentiles(draws: Floats, level: float = 0.95) -> tuple[float, float, float]:
    """Ends of the interval (95 % or more), and the share of undefined replicates."""
    (low, middle, high), share = percentiles(draws, (0.025, 0.5, 0.975))
    if level > 0.95:
        wider = NORMAL.inv_cdf(0.5 + level / 2) / NORMAL.inv_cdf(0.975)
        low, high = middle + wider * (low - middle), middle + wider * (high - middle)
    return low, high, share


def _centred(name: str, draws: Floats, value: float) -> Floats:
    """The replicates of average_precision about its value; any other's as they are."""
    if name != "average_precision" or np.isnan(draws).all():
        return draws
    return draws + (value - float(np.nanmean(draws)))


def _biased_ends(value: float, high: float, noise: Floats) -> tuple[float, float]:
    """Ends for a value that chance only adds to (see the module)."""
    if math.isnan(high):
        return math.nan, math.nan
    return max(0.0, value - float(np.nanquantile(noise, 0.975))), max(value, high)


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
    labels: pd.Series,
    candidate: pd.DataFrame,
    other: pd.DataFrame,
    margin: float | None,
    level: float,
) -> Difference:
    first = (candidate["predicted"] == labels).to_numpy(dtype=bool)
    second = (other["predicted"] == labels).to_numpy(dtype=bool)
    b, c, n = int((first & ~second).sum()), int((second & ~first).sum()), len(labels)
    low, high = tango(b, c, n, level)
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
        level=level,
    )
