"""How far off the estimates of a number are in each group: `mae` and `mean_error` by group.

Guarantees: a group's interval is Student's t with the standard error of a mean of independent
units, whose rows count together where they have several; the draws have the same covariance, also
between groups that a unit has rows in, so that the groups can be compared by `simultaneous`.

The covariance is that of ratios of sums over units (linearised; Cochran, Sampling Techniques,
1977, section 6.3), which is what a bootstrap of units tends to; draws of it are normal. Time and
memory hang on the rows once, whatever the number of replicates.

Not for a handful of units, of errors as skewed as a few huge ones make them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.intervals import NORMAL, spread_of_few
from tasks.metrics.group_metrics import ERRORS_OF_NUMBERS, GroupValues
from tasks.metrics.group_sums import MIN_REPLICATES, Bools
from tasks.metrics.ranking import Floats

_NORMAL = NORMAL.inv_cdf(0.975)


@dataclass(frozen=True)
class NumberRows:
    """Rows with their group and the error of their estimate, estimated less true.

    `groups` are masks by name, of which each row is in at most one. `units` names what is drawn
    as a whole, None for rows.
    """

    groups: Mapping[str, Bools]
    errors: Floats
    units: npt.NDArray[np.intp] | None
    replicates: int
    seed: int


def number_values(metric: str, rows: NumberRows) -> GroupValues:
    """`mae` or `mean_error` of each group with its 95 % interval; NaN where it has no rows.

    Raises ValueError for another metric.
    """
    if metric not in ERRORS_OF_NUMBERS:
        raise ValueError(
            f"{metric} is no error of a number: {', '.join(sorted(ERRORS_OF_NUMBERS))}"
        )
    errors = np.abs(rows.errors) if metric == "mae" else rows.errors
    masks = [mask.astype(bool) for mask in rows.groups.values()]
    n = np.array([float(mask.sum()) for mask in masks])
    value = np.array([errors[mask].mean() if mask.any() else math.nan for mask in masks])
    units = np.arange(len(errors)) if rows.units is None else rows.units
    known = np.array([float(len(np.unique(units[mask]))) for mask in masks])
    covariance = _covariance(errors, masks, units, value, n)
    half = np.array(
        [
            _NORMAL * spread_of_few(count, _NORMAL) * math.sqrt(variance) if count > 1 else math.nan
            for count, variance in zip(known, np.diag(covariance), strict=True)
        ]
    )
    low = value - half
    return GroupValues(
        metric=metric,
        groups=tuple(rows.groups),
        value=value,
        low=np.maximum(low, 0.0) if metric == "mae" else low,
        high=value + half,
        above=np.full(len(n), np.nan),
        n=n,
        effective=n,
        units=known,
        draws=_draws(value, covariance, rows),
        by_units=True,
    )


def _covariance(
    errors: Floats, masks: list[Bools], units: npt.NDArray[np.intp], value: Floats, n: Floats
) -> Floats:
    """Of the groups' means, as a bootstrap of the units has it; 0 for a group without rows."""
    count = int(units.max()) + 1 if len(units) else 0
    shares = np.zeros((len(masks), count))
    for place, mask in enumerate(masks):
        if mask.any():
            centred = (errors[mask] - value[place]) / n[place]
            shares[place] = np.bincount(units[mask], centred, minlength=count)
    found: Floats = shares @ shares.T
    return found


def _draws(value: Floats, covariance: Floats, rows: NumberRows) -> Floats:
    size = max(rows.replicates, MIN_REPLICATES)
    normal = np.random.default_rng(rows.seed).standard_normal((size, len(value)))
    scales, axes = np.linalg.eigh(covariance)
    draws: Floats = value + normal @ (axes * np.sqrt(np.maximum(scales, 0.0))).T
    return draws
