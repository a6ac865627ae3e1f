"""Which dev rows are wrong, and which of them to read first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Finding, Table
from tasks.conditions import Mask
from tasks.project.roles import Roles

CONFIDENT_ROWS = 20
SHOWN_FEATURES = 6
SHOWN_CHARACTERS = 80
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

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        frame: pd.DataFrame,
        split: pd.DataFrame,
        roles: Roles,
        predictions: pd.DataFrame,
        tolerance: float | None = None,
    ) -> DevErrors:
        """The dev `rows` of `frame`; the commonest class is that of the train rows.

        A regression has no classes; `tolerance` is half a standard deviation of train by default.
        """
        if roles.regression:
            return cls._of_numbers(rows, frame, split, roles, predictions, tolerance)
        labels = roles.labels(rows)
        predictions = predictions.loc[rows.index]
        everything = roles.labels(frame)
        learned = everything[(split["side"].reindex(frame.index) == "train").to_numpy(dtype=bool)]
        counts = (learned if len(learned) else labels).value_counts().sort_index()
        return cls(
            rows=rows,
            labels=labels,
            predictions=predictions,
            wrong=(predictions["predicted"] != labels).to_numpy(dtype=bool),
            classes=sorted(everything.unique()),
            commonest=str(counts.idxmax()),
        )

    @classmethod
    def _of_numbers(
        cls,
        rows: pd.DataFrame,
        frame: pd.DataFrame,
        split: pd.DataFrame,
        roles: Roles,
        predictions: pd.DataFrame,
        tolerance: float | None,
    ) -> DevErrors:
        labels, predictions = roles.labels(rows), predictions.loc[rows.index]
        learned = roles.labels(frame)[(split["side"].reindex(frame.index) == "train").to_numpy()]
        most = tolerance or HALF_DEVIATION * float((learned if len(learned) else labels).std())
        off = (predictions["predicted"] - labels).abs().to_numpy(dtype=float)
        return cls(
            rows=rows,
            labels=labels,
            predictions=predictions,
            wrong=~(off <= most),  # an estimate that is no number is wrong, too
            classes=[],
            commonest="",
            tolerance=most,
        )

    @property
    def rate(self) -> float:
        """Share of dev rows that are predicted wrongly."""
        return float(self.wrong.mean())


def find_examples(errors: DevErrors, roles: Roles) -> Finding:
    """The rows to read first, as tables."""
    if roles.regression:
        return Finding(tables={"largest_errors": largest_errors(errors, roles)})
    return Finding(tables={"confident_errors": confident_errors(errors, roles)})


def largest_errors(errors: DevErrors, roles: Roles) -> Table:
    """The estimates that are furthest off."""
    shown = errors.rows[list(roles.features[:SHOWN_FEATURES])]
    evidence = pd.DataFrame(
        {
            "row_key": errors.rows.index.to_numpy(),
            "true_value": errors.labels.to_numpy(),
            "estimated": errors.predictions["predicted"].to_numpy(),
            "off_by": (errors.predictions["predicted"] - errors.labels).to_numpy(),
            **{f"{name} (feature)": _short(shown[name]) for name in shown.columns},
        }
    )[errors.wrong]
    order = evidence["off_by"].abs().sort_values(ascending=False, kind="stable").index
    return Table(
        title="The estimates that are furthest off (dev)",
        frame=evidence.loc[order].head(CONFIDENT_ROWS).reset_index(drop=True),
        note="Look at these first: each is a wrong number, a missing feature or a new tag.",
    )


def confident_errors(errors: DevErrors, roles: Roles) -> Table:
    """The wrong predictions that the model was surest of: often wrong labels, or a new tag."""
    predicted = errors.predictions["predicted"]
    probability = np.zeros(len(predicted))
    for name in errors.classes:
        if f"p:{name}" in errors.predictions:
            chosen = (predicted == name).to_numpy(dtype=bool)
            probability[chosen] = errors.predictions.loc[chosen, f"p:{name}"]
    shown = errors.rows[list(roles.features[:SHOWN_FEATURES])]
    # A feature may have the name of one of the examples' own columns, so it is marked.
    evidence = pd.DataFrame(
        {
            "row_key": errors.rows.index.to_numpy(),
            "true_label": errors.labels.to_numpy(),
            "predicted_label": predicted.to_numpy(),
            "probability": probability,
            **{f"{name} (feature)": _short(shown[name]) for name in shown.columns},
        }
    )[errors.wrong]
    evidence = evidence.sort_values(["probability", "row_key"], ascending=[False, True])
    return Table(
        title="The errors that the model was surest of (dev)",
        frame=evidence.head(CONFIDENT_ROWS).reset_index(drop=True),
        note="Look at these first: each is a wrong label, a missing feature or a new tag.",
    )


def _short(column: pd.Series) -> Any:
    """The column's cells without its index, long words cut."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy()
    words = column.astype("str")
    short = words.where(~(words.str.len() > SHOWN_CHARACTERS), words.str[:SHOWN_CHARACTERS] + "…")
    return short.array
