"""In which features the errors, and the weak slices, differ from the other dev rows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tasks.checks import Check, Finding, Table
from tasks.error_analysis.contrasts import FEWEST_ROWS, LEVEL, Contrast, contrast_rows
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.weak_slices import WeakSlice
from tasks.project.roles import Roles

STAGE = "error_analysis"
MOST_FEATURES = 3
_HOW = (
    "size: the Kolmogorov-Smirnov distance of a number, the total variation of a category, both "
    "from 0 (alike) to 1 (apart). p is corrected for the number of comparisons (Holm). A "
    "difference is no cause: of features that go together each differs."
)


def contrast_errors(errors: DevErrors, roles: Roles) -> Finding:
    """In which features the rows that are predicted wrongly differ from those predicted rightly."""
    contrast = Contrast("wrong rows", errors.wrong, "right rows")
    found = contrast_rows([contrast], errors.rows, roles, units=errors.units)
    checks = (_errors_check(found, errors),)
    if found.empty:
        return Finding(checks=checks)
    table = Table(
        title="In which features wrong rows differ from right ones (dev)",
        frame=found.drop(columns="rows"),
        note=_HOW,
    )
    return Finding(checks=checks, tables={"errors_contrast": table})


def contrast_slices(weak: Sequence[WeakSlice], errors: DevErrors, roles: Roles) -> Finding:
    """The three features in which each weak slice differs most from the other dev rows.

    The columns that define a slice are not compared: they differ by definition. Nothing is found
    where there is no weak slice.
    """
    contrasts = [
        Contrast(f"rows with {one.name}", one.rows, "the other rows", one.columns) for one in weak
    ]
    found = contrast_rows(contrasts, errors.rows, roles, MOST_FEATURES, errors.units)
    if found.empty:
        return Finding()
    table = Table(
        title="In which features weak slices differ from the other rows (dev)",
        frame=found,
        note=f"The {MOST_FEATURES} features that differ most, of those that do not define the "
        f"slice. {_HOW}",
    )
    return Finding(checks=(_slices_check(found, len(weak)),), tables={"slices_contrast": table})


def _errors_check(found: pd.DataFrame, errors: DevErrors) -> Check:
    wrong, n = int(errors.wrong.sum()), len(errors.wrong)
    told = list(found.loc[found["p"] <= LEVEL, "sentence"])
    judged = len(found) > 0
    if judged:
        detail = " ".join(told[:3]) if told else "No feature is shown to differ."
    elif min(wrong, n - wrong) < FEWEST_ROWS:
        detail = (
            f"Nothing was compared: {wrong} wrong and {n - wrong} right dev rows are there, and "
            f"{FEWEST_ROWS} of each are needed."
        )
    else:
        detail = "Nothing was compared: a feature with more than one value is needed."
    return Check(
        id=f"{STAGE}.errors_contrast",
        stage=STAGE,
        title="Features in which wrong rows differ from right ones",
        severity="info",
        outcome="passed" if judged else "not_applicable",
        value=float(len(told)) if judged else None,
        n=n,
        detail=detail,
        evidence="errors_contrast" if judged else None,
    )


def _slices_check(found: pd.DataFrame, slices: int) -> Check:
    told = found.loc[found["p"] <= LEVEL]
    first = told.drop_duplicates("rows")["sentence"]
    return Check(
        id=f"{STAGE}.slices_contrast",
        stage=STAGE,
        title="Weak slices that differ from the other rows in more than their columns",
        severity="info",
        outcome="passed",
        value=float(len(first)),
        n=slices,
        detail=" ".join(first[:3]) if len(first) else "No feature is shown to differ.",
        evidence="slices_contrast",
    )
