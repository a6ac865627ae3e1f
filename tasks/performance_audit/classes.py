"""Is every rare class found: a check that no project has to ask for.

Guarantees: every class below the project's share of all rows has a check of its own, and so has
the positive class; a mean over the classes cannot hide it.
"""

from __future__ import annotations

import math

import pandas as pd

from tasks.checks import Check, Outcome
from tasks.performance_audit.wording import STAGE
from tasks.slice_metrics import ScoredRows


def judge_rare_classes(
    all_labels: pd.Series, scored: ScoredRows, rare_share: float, min_support: int
) -> list[Check]:
    """One check a rare class, by name: failed where none of its test rows is found.

    `all_labels` are those of all curated rows, by which a class is rare. With fewer than
    `min_support` independent units (rows, or people where rows are grouped) some of which are
    found, recall is shown and not judged.
    """
    shares = all_labels.value_counts(normalize=True)
    names = set(rare_classes(all_labels, rare_share))
    names |= {str(name) for name in shares.index if name == scored.positive_class}
    return [_judge(name, float(shares[name]), scored, min_support) for name in sorted(names)]


def rare_classes(all_labels: pd.Series, rare_share: float) -> frozenset[str]:
    """The classes below that share of all rows."""
    shares = all_labels.value_counts(normalize=True)
    return frozenset(str(name) for name in shares.index if shares[name] < rare_share)


def _judge(name: str, share: float, scored: ScoredRows, min_support: int) -> Check:
    members = scored.labels == name
    n, units = int(members.sum()), scored.where(members.to_numpy(dtype=bool)).units
    found = int((scored.predictions["predicted"][members] == name).sum())
    estimate = scored.estimate(["recall"], name)["recall"]
    known = n > 0 and math.isfinite(estimate.low) and math.isfinite(estimate.high)
    start = f"Class '{name}' is {share:.1%} of all rows; {found} of its {n} test rows are found"
    rate = (
        f"{start}: recall {estimate.value:.1%} "
        f"(95 % interval {estimate.low:.1%} to {estimate.high:.1%})"
        if known
        else start
    )
    outcome: Outcome = "passed"
    detail = f"{rate}."
    if n and not found:
        outcome, detail = "failed", f"{rate}: the model does not find this class at all."
    elif units < min_support or not known:
        outcome = "not_applicable"
        more = max(min_support - units, 0)
        kind = "rows" if units == n else f"units (people, say; these are {units})"
        detail = f"{rate}; too small to judge, at least {min_support} such {kind} are needed" + (
            f", {more} more." if n and more else "."
        )
    return Check(
        id=f"{STAGE}.rare_class:{name}",
        stage=STAGE,
        title=f"Recall of the rare class '{name}' on test"
        if name != scored.positive_class
        else f"Recall of the positive class '{name}' on test",
        severity="warning",
        outcome=outcome,
        value=found / n if n else None,
        interval=(estimate.low, estimate.high) if known else None,
        n=n,
        detail=detail,
        evidence="class_report",
    )
