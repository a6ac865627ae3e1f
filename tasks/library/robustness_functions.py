"""The function on robustness: which small changes of rows flip predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from tasks.library.plain_arrays import (
    plain_labels,
    plain_predictions,
    plain_settings,
    same_length,
)
from tasks.library.plain_tables import TRUTH, plain_table
from tasks.performance_audit.robustness import Effect
from tasks.performance_audit.robustness import measure_robustness as _measure_robustness
from tasks.project.robustness_section import RobustnessSection
from tasks.slice_metrics import ScoredRows


def measure_robustness(
    frame: pd.DataFrame,
    y_true: Any,
    predict: Callable[[pd.DataFrame], Any],
    *,
    metric: str = "accuracy",
    positive_class: str | None = None,
    max_rows: int = 2000,
    missing_share: float = 0.1,
    seed: int = 0,
) -> pd.DataFrame:
    """How many predictions small changes of the rows flip, which leave their meaning as it is.

    Changes: noise within the precision that a column of numbers shows, blanked cells (the share
    `missing_share`), other case, spaces around words, typing errors (Damerau 1964), and each column
    alone missing or moved by a quarter and by one standard deviation, which does change the
    meaning. At most `max_rows` rows are changed, drawn by `seed`.

    `predict` takes rows of `frame` (in any order, numbers as floats) and returns one label a row or
    a frame of probabilities; it has to take missing cells. Dates and truth values stay as they are.
    Returned, a change a row: kind, label, n (rows that it touched), flips (their share whose
    prediction changed, in [0, 1]) with low and high (95 %, Wilson), and gain (the change of the
    metric, above 0 is better; NaN where one column was changed).

    Raises ValueError where the rows do not match, or a prediction is missing. Not for a target that
    is a number, of which every prediction moves a little.

    >>> import assayline, pandas as pd
    >>> texts = pd.DataFrame({"text": [f"good day number {n}" for n in range(50)]})
    >>> def says_good(rows):
    ...     return ["yes" if text.startswith("good") else "no" for text in rows["text"].fillna("")]
    >>> found = assayline.measure_robustness(texts, ["yes"] * 50, says_good)
    >>> found.set_index("kind").loc[["case", "spaces"], "flips"].to_dict()
    {'case': 1.0, 'spaces': 1.0}
    """
    same_length(frame=frame, y_true=y_true)
    limits = {"max_rows": max_rows, "missing_share": missing_share}
    section = plain_settings(RobustnessSection, **limits)
    named = frame.rename(columns=str)
    fixed = [n for n in named.columns if pd.api.types.is_bool_dtype(named[n].dtype)]
    labels = plain_labels(y_true, "y_true").to_numpy()
    table = plain_table(named.drop(columns=fixed).assign(**{TRUTH: labels}), TRUTH, seed)
    given = named.set_axis(table.frame.index)

    def score(rows: pd.DataFrame) -> pd.DataFrame:
        others = given.loc[rows.index, [n for n in given.columns if n not in rows.columns]]
        whole = pd.concat([rows, others], axis=1)[list(given.columns)]
        told = predict(whole.set_axis(frame.columns, axis=1))
        same_length(rows=rows, predict=told)
        return plain_predictions(told, "predict", rows.index, positive_class)

    truth = table.roles.labels(table.frame)
    rows = ScoredRows(truth, score(given), positive_class, replicates=1000, seed=seed)
    every = np.ones(len(given), dtype=bool)
    found = _measure_robustness(given, every, rows, score, table.roles, section, metric)
    effects = (*found.kinds, *found.columns)
    columns = ["kind", "label", "n", "flips", "low", "high", "gain"]
    return pd.DataFrame([_row(effect) for effect in effects], columns=columns)


def _row(effect: Effect) -> tuple[Any, ...]:
    flips, metric = effect.flips, effect.metric
    gain = np.nan if metric is None else metric.value
    return effect.kind, effect.label, flips.n, flips.value, flips.low, flips.high, gain
