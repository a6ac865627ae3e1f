"""Functions on errors: where a model fails, and what it does to groups of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.weak_slices import MIN_ERRORS
from tasks.error_analysis.weak_slices import find_weak_slices as _find_weak_slices
from tasks.library.plain_arrays import (
    as_column,
    known_class,
    plain_labels,
    plain_predictions,
    plain_units,
    row_names,
    same_length,
)
from tasks.library.plain_tables import TRUTH, plain_table
from tasks.metrics.group_metrics import GROUP_METRICS
from tasks.performance_audit.gaps import GapRates, grouped_rows, measure_gap
from tasks.slice_metrics import NamedSlices, ScoredRows


@dataclass(frozen=True, eq=False)
class GroupMetrics:
    """`groups` has metric, group, value, low, high (its 95 % interval), n (rows that the value
    hangs on), units. `gaps` has for each metric its largest difference and smallest ratio of two
    groups, with intervals that hold for all pairs at once."""

    groups: pd.DataFrame
    gaps: pd.DataFrame


def find_weak_slices(
    frame: pd.DataFrame,
    y_true: Any,
    y_pred: Any,
    *,
    units: Any = None,
    min_rows: int = 30,
    max_order: int = 3,
    false_discovery_rate: float = 0.1,
    seed: int = 0,
) -> pd.DataFrame:
    """Properties of rows that a model gets wrong more often than the rest.

    Values of columns, ranges of numbers, and crossings of up to `max_order` of them are searched on
    one half of the rows and confirmed on the other, at the `false_discovery_rate` (Benjamini and
    Hochberg 1995, weighted: Genovese, Roeder and Wasserman 2006). A number in the result is of the
    half that did not suggest the slice.

    `frame` holds what to slice by: leave out what is known only after the outcome. A column that is
    called as `y_true` is not searched. `y_true` and `y_pred` are one label a row; `units` names
    which rows belong together (one person's). Returned, the most certain first:
    label (the slice), value (its error rate) with low and high, n, errors, lift (times the rate of
    the rest), share (of all rows) and p_adjusted among others. No row: nothing was confirmed, which
    says little with few errors.

    Raises ValueError with fewer than 20 wrong or 20 right rows or 2 `min_rows`. Not on rows that
    the model has learned from; for numbers, give whether each is near enough as labels.

    >>> import assayline, pandas as pd
    >>> rows = range(2000)
    >>> table = pd.DataFrame({"site": ["AB"[n % 2] for n in rows], "age": [n % 7 for n in rows]})
    >>> truth = ["yes"] * 2000
    >>> said = ["no" if n % (4 if n % 2 else 20) in (1, 2) else "yes" for n in rows]
    >>> found = assayline.find_weak_slices(table, truth, said)
    >>> found[["label", "lift"]].round(1).to_dict("records")
    [{'label': 'site=B', 'lift': 4.8}]
    """
    truth = as_column(y_true, "y_true")
    frame = frame.drop(columns=[truth.name], errors="ignore") if truth.name is not None else frame
    same_length(frame=frame, y_true=truth, y_pred=y_pred, units=units)
    labels = plain_labels(truth, "y_true")
    limits = {"max_order": max_order, "min_rows": min_rows}
    search = {**limits, "false_discovery_rate": false_discovery_rate}
    whole = frame.assign(**{TRUTH: labels.to_numpy()})
    table = plain_table(whole, TRUTH, seed, error_analysis={"search": search})
    labels = labels.set_axis(table.frame.index)
    predictions = plain_predictions(y_pred, "y_pred", labels.index)
    wrong = (predictions["predicted"] != labels).to_numpy(dtype=bool)
    _require_errors(wrong, 2 * min_rows)
    classes = sorted(labels.unique())
    errors = DevErrors(table.frame, labels, predictions, wrong, classes, classes[0])
    told = plain_units(units, labels.index)
    alone = labels.index.to_series().astype("str") if told is None else told
    finding, _ = _find_weak_slices(
        errors, table.frame, NamedSlices({}), table.roles, table.project, alone
    )
    return finding.tables["weak_slices"].frame


def _require_errors(wrong: NDArray[np.bool_], least: int) -> None:
    if min(wrong.sum(), (~wrong).sum()) < MIN_ERRORS or len(wrong) < least:
        raise ValueError(
            f"{wrong.sum()} of {len(wrong)} rows are predicted wrongly; a search takes {least} "
            f"rows, of which {MIN_ERRORS} are wrong and {MIN_ERRORS} are right"
        )


def measure_groups(
    y_true: Any,
    y_pred: Any,
    groups: Any,
    *,
    positive_class: str,
    metrics: Sequence[str] = ("selection_rate", "true_positive_rate", "false_positive_rate"),
    units: Any = None,
    min_rows: int = 30,
    seed: int = 0,
) -> GroupMetrics:
    """What a model does to each group of rows, and how far the groups are apart.

    A row is selected where it is predicted as `positive_class`. Metrics are shares of rows in [0,
    1] (base_rate, selection_rate, true_positive_rate, false_negative_rate, false_positive_rate,
    true_negative_rate, precision, accuracy), f1, balanced_accuracy, and from probabilities
    calibration (mean probability less share of the class: above 0 is overestimated) and
    calibration_error.

    `y_true` is one label a row, `y_pred` too or a frame of probabilities with a column a class,
    `groups` one group a row (a missing one is left out); `units` names what is drawn as a whole.
    Rates have Wilson's interval (1927), others the percentile bootstrap; gaps have simultaneous
    intervals over all pairs of groups (Montiel Olea and Plagborg-Moller 2019, with Newcombe's and
    Katz's for rates). Groups with fewer than `min_rows` independent rows are shown, not compared;
    an undefined value is NaN.

    Raises ValueError for a metric or a class that is unknown, or rows that do not match. Not for
    groups that were formed after looking at the predictions.

    >>> import assayline
    >>> truth, said = ["yes", "no"] * 80, ["yes"] * 80 + ["yes", "no"] * 40
    >>> found = assayline.measure_groups(truth, said, ["a"] * 80 + ["b"] * 80,
    ...                                  positive_class="yes", metrics=["selection_rate"])
    >>> found.groups[["group", "value", "low", "high"]].round(2).to_dict("records")
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'group': 'a', 'value': 1.0, 'low': 0.95, 'high': 1.0},
     {'group': 'b', 'value': 0.5, 'low': 0.39, 'high': 0.61}]
    >>> found.gaps[["highest", "lowest", "difference"]].to_dict("records")
    [{'highest': 'a', 'lowest': 'b', 'difference': 0.5}]
    """
    same_length(y_true=y_true, y_pred=y_pred, groups=groups, units=units)
    index = row_names(len(y_true))
    labels = plain_labels(y_true, "y_true", index)
    known_class(positive_class, sorted(labels.unique()), "positive_class")
    rows = ScoredRows(
        labels=labels,
        predictions=plain_predictions(y_pred, "y_pred", index, positive_class),
        positive_class=positive_class,
        replicates=2000,
        seed=seed,
        groups=plain_units(units, index),
    )
    if unknown := [metric for metric in metrics if metric not in GROUP_METRICS]:
        raise ValueError(f"unknown metric '{unknown[0]}'; known are {', '.join(GROUP_METRICS)}")
    group = as_column(groups, "groups")
    names = sorted(group.dropna().astype("str").unique())
    masks = {name: (group.astype("str") == name).to_numpy(dtype=bool) for name in names}
    counted = grouped_rows(masks, rows, positive_class)
    measured = [measure_gap("group", one, positive_class, counted, min_rows) for one in metrics]
    return GroupMetrics(groups=_group_table(measured), gaps=_gap_table(measured))


def _group_table(measured: Sequence[GapRates]) -> pd.DataFrame:
    shown = [
        (gap.metric, one.group, one.value, one.low, one.high, one.n, one.units)
        for gap in measured
        for one in gap.rates
    ]
    return pd.DataFrame(shown, columns=["metric", "group", "value", "low", "high", "n", "units"])


def _gap_table(measured: Sequence[GapRates]) -> pd.DataFrame:
    shown = []
    for gap in measured:
        difference, ratio = gap.difference, gap.ratio
        if difference is None:
            continue
        highest, lowest = (one.group for one in gap.extremes)
        ends = (ratio.value, ratio.low, ratio.high) if ratio is not None else (np.nan,) * 3
        numbers = (difference.value, difference.low, difference.high, *ends)
        shown.append((gap.metric, highest, lowest, *numbers))
    spread = ["difference", "low", "high", "ratio", "ratio_low", "ratio_high"]
    return pd.DataFrame(shown, columns=["metric", "highest", "lowest", *spread])
