"""What the search for weak slices says: its check, its table, and a sentence for each slice.

Guarantees: none is critical; the rates are those of the confirming half; a search that could hardly
have found anything is `not_applicable`, not passed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome, Table
from tasks.conditions import Mask
from tasks.error_analysis.dev_errors import DevErrors
from tasks.intervals import ratio_of_rates, wilson
from tasks.slice_search import Found, Search, SearchPlan
from tasks.slice_search.confirmation import effective_rows
from tasks.slice_search.detectable import detectable_ratio

STAGE = "error_analysis"
ID = f"{STAGE}.weak_slices"
TITLE = "Slices in which the model is wrong more often, found by machine"
SHOWN_SHARE = 0.1
_COLUMNS = ["label", "value", "low", "high", "n", "errors", "rest_rate", "lift", "lift_low"]
_COLUMNS += ["lift_high", "share", "share_of_errors", "dev_rows", "dev_errors", "dev_error_rate"]
_COLUMNS += ["p_value", "weight", "p_adjusted"]


@dataclass(frozen=True)
class Confirming:
    """Rows and errors of the confirming half."""

    rows: int
    errors: int

    @property
    def rate(self) -> float:
        """Share of its rows predicted wrongly; NaN without rows."""
        return self.errors / self.rows if self.rows else math.nan


def errors_of(search: Search, errors: DevErrors) -> Confirming:
    """What the confirming half holds."""
    wrong = errors.wrong[search.confirming]
    return Confirming(len(wrong), int(wrong.sum()))


def measured(found: Found, search: Search, errors: DevErrors) -> dict[str, Any]:
    """The slice as a row of the table: first the confirming half, then all of dev.

    Where rows share a unit, the interval is Wilson's at the effective number of rows, and so is
    that of the lift.
    """
    wrong = errors.wrong[search.confirming]
    inside: Mask = found.members[search.confirming]
    n, bad = int(inside.sum()), int((inside & wrong).sum())
    rest, rest_bad = len(wrong) - n, int(wrong.sum()) - bad
    counted = n if search.units is None else effective_rows(inside, wrong, search.units)
    rate = bad / n
    low, high = wilson(rate * counted, counted)
    shrunk = counted / n
    # Whole counts for the ratio: rounding down can only widen.
    few, few_bad = math.floor(n * shrunk), math.floor(bad * shrunk)
    ratio = ratio_of_rates(few_bad, few, rest_bad, rest)
    all_rows, all_bad = int(found.members.sum()), int((found.members & errors.wrong).sum())
    return {
        "label": found.name,
        "value": rate,
        "low": low,
        "high": high,
        "n": n,
        "errors": bad,
        "rest_rate": rest_bad / rest if rest else math.nan,
        "lift": rate / (rest_bad / rest) if rest_bad else math.inf,
        "lift_low": ratio.low,
        "lift_high": ratio.high,
        "share": all_rows / len(errors.wrong),
        "share_of_errors": all_bad / int(errors.wrong.sum()),
        "dev_rows": all_rows,
        "dev_errors": all_bad,
        "dev_error_rate": all_bad / all_rows,
        "p_value": found.p_value,
        "weight": found.weight,
        "p_adjusted": found.p_adjusted,
    }


def sentence(row: dict[str, Any]) -> str:
    """The slice for a reader who sees nothing else."""
    return (
        f"Rows with {row['label']} are {row['share']:.1%} of the dev data and "
        f"{row['share_of_errors']:.1%} of its errors: on the half that did not suggest it "
        f"{row['errors']} of {row['n']} are predicted wrongly ({row['value']:.1%}, 95 % interval "
        f"{row['low']:.1%} to {row['high']:.1%}), {row['lift']:.1f} times the rate of the rest "
        f"(adjusted p {_p(row['p_adjusted'])})."
    )


def slice_table(
    rows: Sequence[dict[str, Any]], search: Search, plan: SearchPlan, left_out: Sequence[str]
) -> Table:
    """All reported slices, and how they were searched."""
    crossed = [
        f"of order {order} the {count} columns with the most evidence were crossed"
        for order, count in enumerate(search.choice.crossed, start=1)
        if count < search.choice.crossed[0]
    ]
    cut = ", exact given the counts" if search.units is None else ", the larger of an exact p and "
    cut += "" if search.units is None else "one for rows that share a group or all features"
    notes = [
        f"{_searched(search)}; the {len(search.carried)} most suspicious were carried to the other "
        f"half, where {len(search.confirmed)} were confirmed at a false discovery rate of "
        f"{plan.false_discovery_rate:.0%} (Benjamini and Hochberg; the weight is what a candidate "
        f"was given for its evidence on the first half; one-sided p{cut})",
        "a slice stands here only if it holds beside the others, else the simpler one does",
        "value, lift and intervals are those of the confirming half",
        *crossed,
        *left_out,
    ]
    return Table(
        title="Weak slices found by machine (dev)",
        frame=pd.DataFrame(rows, columns=_COLUMNS),
        note=". ".join(note[0].upper() + note[1:] for note in notes) + ".",
    )


def search_check(
    errors: DevErrors, search: Search, plan: SearchPlan, rows: Sequence[dict[str, Any]]
) -> Check:
    """Failed where a weak slice was confirmed, passed where one would have been found."""
    ratio = _detectable(errors, search, plan)
    outcome: Outcome = "failed" if rows else "passed"
    if rows:
        others = f" {len(rows) - 1} more in the table." if len(rows) > 1 else ""
        detail = sentence(rows[0]) + others
    elif ratio is None:
        outcome = "not_applicable"
        detail = (
            f"{_searched(search)}, none was confirmed; but with {errors.wrong.sum()} errors "
            f"in {len(errors.wrong)} dev rows not even a crossing of two values with "
            f"{SHOWN_SHARE:.0%} of the rows, all wrong, would be found in 8 of 10 searches; "
            f"about {_rows_needed(errors, search, plan)} dev rows would find one that is wrong "
            "three times as often."
        )
    else:
        detail = (
            f"{_searched(search)}, none was confirmed. A crossing of two values with "
            f"{SHOWN_SHARE:.0%} of the rows would have been found in 8 of 10 searches from "
            f"{ratio:.1f} times the error rate of the rest on, a weaker or smaller one less often."
        )
    return Check(
        id=ID,
        stage=STAGE,
        title=TITLE,
        severity="warning",
        outcome=outcome,
        value=float(len(rows)),
        limit=0.0,
        n=len(errors.wrong),
        detail=detail,
        evidence="weak_slices",
    )


def not_searched(errors: DevErrors, min_errors: int, min_rows: int) -> Check:
    """What a search would need."""
    wrong, n = int(errors.wrong.sum()), len(errors.wrong)
    return Check(
        id=ID,
        stage=STAGE,
        title=TITLE,
        severity="warning",
        outcome="not_applicable",
        n=n,
        detail=f"{wrong} of {n} dev rows are predicted wrongly; to look for slices in which that "
        f"happens more often takes at least {min_rows} dev rows, of which {min_errors} are wrong "
        f"and {min_errors} are right.",
    )


def _searched(search: Search) -> str:
    return f"{sum(search.choice.searched):,} slices were searched on one half of the dev rows"


def _detectable(
    errors: DevErrors, search: Search, plan: SearchPlan, times: float = 1.0
) -> float | None:
    """The ratio that a slice of the shown share needs, were dev `times` as large."""
    order = min(2, plan.max_order)
    tried, carried = search.choice.searched[order - 1], max(len(search.carried), 1)
    luck = min(1.0, plan.places[order - 1] / max(tried, 1))
    confirming = int(search.confirming.sum())
    halves = (round((len(errors.wrong) - confirming) * times), round(confirming * times))
    if SHOWN_SHARE * halves[0] < plan.least:
        return None
    level = plan.false_discovery_rate / carried
    return detectable_ratio(halves, SHOWN_SHARE, errors.rate, luck, level)


def _rows_needed(errors: DevErrors, search: Search, plan: SearchPlan) -> str:
    """Dev rows with which a ratio of three would do, to two digits."""
    wanted = min(3.0, 0.5 + 0.5 / errors.rate)
    for times in np.geomspace(1.0, 1000.0, 61):
        ratio = _detectable(errors, search, plan, float(times))
        if ratio is not None and ratio <= wanted:
            return f"{float(f'{len(errors.wrong) * times:.1e}'):,.0f}"
    return f"{1000 * len(errors.wrong):,}"


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
