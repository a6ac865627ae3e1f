"""How many labels are wrong, and how many suspects are, by what people answered.

Guarantees: the limit is judged on train and dev, test is estimated apart and chooses nothing; a
limit is judged only where so many rows were reviewed at random that none of them wrong would keep
it, by the newest queue of which this holds, so that an unfinished one does not take its place; rows
that nobody could tell count as wrong there; labels that people answered otherwise and nobody
corrected fail a limit by themselves; a number that was not estimated is never shown as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.checks import Check, Outcome, judged
from tasks.label_review.error_rate import (
    ErrorRate,
    flag_precision,
    reviews_for,
)
from tasks.label_review.reviews import UNSURE, Review, as_frame
from tasks.label_review.rules import LabelRules
from tasks.labels.findings import STAGE, LabelFinding
from tasks.labels.review_estimates import JUDGED, Estimate, choose, estimates, known_wrong
from tasks.labels.review_tables import by_side, history
from tasks.project.fields import Severity
from tasks.project.label_sections import LabelsSection

_SHOWN_LIMIT = 0.05
_TITLE = "Wrong labels, estimated from reviews (share of train and dev rows)"


@dataclass(frozen=True)
class Said:
    """What people said about the labels: answers to reviews, and the rules of the classes."""

    reviews: tuple[Review, ...] = ()
    rules: LabelRules | None = None


def judge_reviews(
    reviews: Sequence[Review], labels: pd.Series, sides: pd.Series, settings: LabelsSection
) -> LabelFinding:
    """The share of wrong labels today, before the corrections, and the precision of the suspects.

    `labels` and `sides` are today's by row key.
    """
    limit = settings.max_error_rate
    if not reviews:
        rows = int(sides.isin(JUDGED).sum())
        detail = f"No label was reviewed. {_needed(limit, 0, rows)}"
        return LabelFinding(checks=(_error_check(None, detail, "not_applicable", settings),))
    found = choose(estimates(reviews, labels, sides), limit)
    outcome, verdict = _judged(found, known_wrong(reviews, labels, sides), sides, limit)
    detail = _sentence(found) + verdict
    answers = as_frame(reviews)
    return LabelFinding(
        checks=(_error_check(found, detail, outcome, settings), *_precision_checks(found.lines)),
        summary=f"{found.now.rate:.1%} of labels wrong by estimate" if found.is_known else "",
        metrics=_metrics(found),
        facts={
            "reviewed": int((answers["answer"] != UNSURE).sum()),
            "review_queue": str(found.lines["queue"].iloc[0]) if len(found.lines) else "",
        },
        tables={"error_rates": by_side(found, labels), "reviews": history(answers, sides)},
    )


def judge_rules(rules: LabelRules | None, labels: pd.Series) -> LabelFinding:
    """Whether every class of the labels is defined, and by which version of the rules."""
    classes = sorted(labels.unique())
    absent = [name for name in classes if rules is not None and name not in rules.classes]
    unknown = sorted(set(rules.classes) - set(classes)) if rules is not None else []
    if rules is None:
        detail = "labels.rules names no file, so nothing says what each class means."
    elif absent or unknown:
        said = [f"does not define {_some(absent)}"] if absent else []
        said += [f"defines {_some(unknown)}, which no row has"] if unknown else []
        detail = f"Version {rules.version} of the label rules {', and '.join(said)}."
    else:
        detail = f"Version {rules.version} of the label rules defines all {len(classes)} classes."
    outcome: Outcome = "failed" if absent or unknown else "passed"
    check = Check(
        id=f"{STAGE}.rules",
        stage=STAGE,
        title="Classes without a rule, and rules without a class",
        severity="info",
        outcome="not_applicable" if rules is None else outcome,
        detail=detail,
        value=None if rules is None else float(len(absent) + len(unknown)),
        limit=0.0,
        n=len(classes),
    )
    return LabelFinding(checks=(check,), facts={"label_rules": rules.version if rules else None})


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")


def _needed(limit: float | None, answered: int, rows: int) -> str:
    """How many answers a judgement needs, as a sentence; `rows` are those of train and dev."""
    aim = _SHOWN_LIMIT if limit is None else limit
    if aim <= 0:
        return f"A limit of 0 needs an answer to all {rows:,} rows: {rows - answered:,} more."
    more = max(0, reviews_for(aim, rows) - answered)
    return (
        f"{more} more answers to rows of train and dev drawn at random, all of them right, would "
        f"show that fewer than {aim:.1%} are wrong: about assayline labels review --count "
        f"{math.ceil(more * 8 / 3)}."
    )


def _judged(
    found: Estimate, wrong: int, sides: pd.Series, limit: float | None
) -> tuple[Outcome, str]:
    """The outcome, and what it comes from; `wrong` labels are known to be wrong today."""
    if limit is None:
        return ("passed" if found.is_known else "not_applicable"), ""
    rows = int(sides.isin(JUDGED).sum())
    if wrong and wrong > limit * rows:
        return "failed", (
            f" {wrong:,} of {rows:,} train and dev labels are other than people answered: these "
            f"alone are above the limit of {limit:.1%}."
        )
    if not found.is_known:
        return "not_applicable", ""
    now = found.now
    if not found.judges(limit):
        answered = now.rows - found.needed(limit) + found.at_random if limit <= 0 else 0
        text = _needed(limit, answered or found.at_random, now.rows)
        return "not_applicable", f" That is too few answers to judge the limit. {text}"
    outcome = judged(now.worst, maximum=limit)
    certain = now.high <= limit if outcome == "passed" else now.low > limit
    doubt = f", {now.worst:.1%} with the unsure ones as wrong," if now.unsure else ""
    text = f" That{doubt} is {'within' if outcome == 'passed' else 'above'} the limit of "
    text += f"{limit:.1%}" + (
        "." if certain else ", which the interval reaches across: not certain."
    )
    return outcome, text


def _error_check(
    found: Estimate | None, detail: str, outcome: Outcome, settings: LabelsSection
) -> Check:
    limit = settings.max_error_rate
    now = found.now if found is not None and found.is_known else None
    severity: Severity = "info" if limit is None else settings.error_rate_severity
    return Check(
        id=f"{STAGE}.error_rate",
        stage=STAGE,
        title=_TITLE,
        severity=severity,
        required=settings.error_rate_required and limit is not None,
        outcome=outcome,
        value=now.rate if now is not None else None,
        limit=limit,
        interval=(now.low, now.high) if now is not None else None,
        n=0 if found is None else found.before.reviewed,
        detail=detail,
        evidence=None if found is None else "error_rates",
    )


def _sentence(found: Estimate) -> str:
    before, now = found.before, found.now
    if not found.is_known:
        moved = f" Rows of {', '.join(found.moved)} moved since." if found.moved else ""
        return (
            f"{before.reviewed} labels were reviewed, and {before.wrong} of them were wrong; "
            f"{before.unknown:,} of {before.rows:,} rows are in parts of the queue without an "
            "answer, so the share of all rows cannot be estimated: answer more of the queue."
            f"{moved}"
        )
    unsure = (
        f", {now.unsure} more could not be told (the interval's upper end counts them as wrong)"
        if now.unsure
        else ""
    )
    corrected = (
        f" It was {before.rate:.1%} ({_interval(before)}) before the corrections."
        if before.rate != now.rate
        else ""
    )
    return (
        f"{before.reviewed} labels were reviewed and {before.wrong} of them were wrong{unsure}: an "
        f"estimated {now.rate:.1%} ({_interval(now)}) of {now.rows:,} train and dev labels are "
        f"wrong today.{corrected}"
    )


def _precision_checks(newest: pd.DataFrame) -> tuple[Check, ...]:
    found = flag_precision(newest)
    if math.isnan(found.rate):
        return ()
    return (
        Check(
            id=f"{STAGE}.flag_precision",
            stage=STAGE,
            title="Suspects whose label is wrong (share)",
            severity="info",
            outcome="passed",
            detail=f"{found.wrong} of {found.reviewed} reviewed suspects had a wrong label; an "
            f"estimated {found.rate:.0%} ({_interval(found)}) of {found.rows:,} suspects have.",
            value=found.rate,
            interval=(found.low, found.high),
            n=found.reviewed,
        ),
    )


def _metrics(found: Estimate) -> dict[str, float]:
    rates = {
        "error_rate": found.now,
        "error_rate_before": found.before,
        "flag_precision": flag_precision(found.lines),
    }
    return {f"{STAGE}.{n}": one.rate for n, one in rates.items() if not math.isnan(one.rate)}


def _interval(found: ErrorRate) -> str:
    return f"95 % interval {found.low:.1%} to {found.high:.1%}"
