"""The checks of error analysis: what a reader should know before the tables.

Guarantees: none is critical. Error analysis says what to work on; the audit judges.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import pandas as pd

from tasks.checks import Check, Outcome
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.tags import Tag
from tasks.intervals import tango, wilson

STAGE = "error_analysis"
SKEWED_SHARE = 0.8
"""From this share of the commonest class on, accuracy alone tells little of the others."""


def errors_check(errors: DevErrors) -> Check:
    """How many dev rows are predicted wrongly: shown, not judged."""
    count, n = int(errors.wrong.sum()), len(errors.wrong)
    low, high = wilson(count, n)
    by = "" if errors.tolerance is None else f" (off by more than {errors.tolerance:.4g})"
    return Check(
        id=f"{STAGE}.errors",
        stage=STAGE,
        title="Share of dev rows predicted wrongly",
        severity="info",
        outcome="passed",
        value=count / n,
        interval=(low, high),
        n=n,
        detail=f"{count} of {n} dev rows are predicted wrongly{by}: {count / n:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}).",
        evidence="confusion" if errors.classes else "by_slice",
    )


def skew_check(errors: DevErrors, by_accuracy: bool = False) -> Check:
    """Where a constant is right nearly always, or as often as the model, accuracy misleads.

    `by_accuracy` says that the project trains or decides by it. It is then a warning from
    `SKEWED_SHARE` on, also where the model beats the constant: its last points are all there is.
    """
    n = len(errors.labels)
    constant = float((errors.labels == errors.commonest).mean())
    accuracy = 1 - errors.rate
    beaten = accuracy <= constant
    hidden = by_accuracy and constant >= SKEWED_SHARE
    detail = (
        f"Always answering '{errors.commonest}' is right on {constant:.1%} of the dev rows "
        f"and the model on {accuracy:.1%}: "
    )
    if hidden:
        detail = (
            f'The project judges by accuracy, and print("{errors.commonest}"), which always '
            f"answers '{errors.commonest}', reaches {constant:.1%} on the dev rows, the model "
            f"{accuracy:.1%}: a model that finds nothing looks good. "
            "Set training.metric (and gate.metric) to average_precision, f1 or recall, and "
        )
    if beaten and not hidden:
        detail += "accuracy is the wrong measure here; "
    elif not hidden:
        detail += _better_in_accuracy(errors)
    if beaten or hidden:
        detail += "judge by precision and recall of each class."
    return Check(
        id=f"{STAGE}.skew",
        stage=STAGE,
        title="Accuracy against always answering the commonest class",
        severity="warning",
        outcome="failed" if beaten or hidden else "passed",
        value=accuracy,
        limit=constant,
        interval=wilson(n - int(errors.wrong.sum()), n),
        n=n,
        detail=detail,
        evidence="class_report",
    )


def _better_in_accuracy(errors: DevErrors) -> str:
    """What accuracy says where the model has more of it than the constant."""
    constant = (errors.labels == errors.commonest).to_numpy(dtype=bool)
    gained, lost = int((~errors.wrong & ~constant).sum()), int((errors.wrong & constant).sum())
    low, high = tango(gained, lost, len(constant))
    if low > 0:
        return "accuracy says something here, beside precision and recall of each class."
    return (
        f"that the model is better is not shown (95 % interval {100 * low:.1f} to "
        f"{100 * high:.1f} points), so accuracy says little here; judge by precision and recall of "
        "each class."
    )


def recall_checks(report: pd.DataFrame, errors: DevErrors, min_rows: int) -> list[Check]:
    """One check a class: failed where the model never predicts it."""
    columns = ["class", "support", "recall", "recall_low", "recall_high"]
    predicted = set(errors.predictions["predicted"])
    return [
        _recall_check(str(name), int(n), float(recall), (low, high), name in predicted, min_rows)
        for name, n, recall, low, high in report[columns].itertuples(index=False)
    ]


def _recall_check(
    name: str,
    n: int,
    recall: float,
    interval: tuple[float, float],
    predicted: bool,
    min_rows: int,
) -> Check:
    low, high = interval
    known = n > 0 and math.isfinite(low) and math.isfinite(high)
    found = f"{round(recall * n) if n else 0} of the {n} dev rows of class '{name}' are found"
    rate = f"{found}: {recall:.1%} (95 % interval {low:.1%} to {high:.1%})" if known else found
    outcome: Outcome = "passed"
    detail = f"{rate}."
    if n and not predicted:
        outcome, detail = "failed", f"The class '{name}' is never predicted: {rate}."
    elif n < min_rows or not known:
        outcome = "not_applicable"
        detail = f"Too small to judge: {rate}; at least {min_rows} such rows are needed."
    return Check(
        id=f"{STAGE}.class_recall:{name}",
        stage=STAGE,
        title=f"Recall of class '{name}' on dev",
        severity="warning",
        outcome=outcome,
        value=recall if n else None,
        interval=interval if known else None,
        n=n,
        detail=detail,
        evidence="class_report",
    )


def tags_check(
    measured: Sequence[Tag], names: Collection[str], min_rows: int, absent: Sequence[str] = ()
) -> Check:
    """Whether errors were counted by anything that the project names, which are `names`.

    `absent` are tags that work is declared for and that no row has been given.
    """
    named = [tag for tag in measured if tag.name in names]
    small = [t.name for t in named if t.why_not_ranked(min_rows) not in ("", "every row has it")]
    outcome: Outcome
    if not named:
        outcome = "not_applicable"
        detail = (
            "No slice or tag is declared, so errors are counted by true class only; name columns "
            "or conditions under 'slices' or 'error_analysis.tags' in the project file."
        )
    else:
        outcome = "passed" if len(small) < len(named) else "not_applicable"
        listed = f", for example {small[0]}" if small else ""
        detail = (
            f"Errors are counted by {len(named)} slices and tags, of which {len(small)} have "
            f"fewer than the {min_rows} dev rows that are needed to be ranked{listed}."
        )
    if absent:
        detail += (
            f" Work is declared for {', '.join(absent[:5])}, which no dev row is tagged with now."
        )
    return Check(
        id=f"{STAGE}.tags",
        stage=STAGE,
        title="Errors counted by slices and tags",
        severity="info",
        outcome=outcome,
        value=float(len(named) - len(small)),
        n=len(named),
        detail=detail,
        evidence="tags",
    )
