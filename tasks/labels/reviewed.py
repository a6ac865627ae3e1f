"""How many labels are wrong, and how many suspects are, by what people answered.

Guarantees: the limit is judged on train and dev, test is estimated apart and chooses nothing; a
limit is judged only where so many rows were reviewed at random that none of them wrong would keep
it; a number that was not estimated is never shown as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.checks import Check, Outcome, Table, judged
from tasks.label_review.error_rate import (
    ErrorRate,
    error_rate_before,
    error_rate_now,
    flag_precision,
    reviews_for,
)
from tasks.label_review.reviews import UNSURE, Review, as_frame
from tasks.label_review.rules import LabelRules
from tasks.labels.findings import STAGE, Finding
from tasks.project.sections import LabelsSection, Severity

_JUDGED = ("train", "dev")
_SHOWN_LIMIT = 0.05
_TITLE = "Wrong labels, estimated from reviews (share of train and dev rows)"


@dataclass(frozen=True)
class Said:
    """What people said about the labels: answers to reviews, and the rules of the classes."""

    reviews: tuple[Review, ...] = ()
    rules: LabelRules | None = None


def judge_reviews(reviews: Sequence[Review], labels: pd.Series, settings: LabelsSection) -> Finding:
    """The share of wrong labels today, before the corrections, and the precision of the suspects.

    `labels` are today's by row key. The newest queue counts; the others are history.
    """
    limit = settings.max_error_rate
    severity: Severity = "info" if limit is None else settings.error_rate_severity
    answers = as_frame(reviews)
    if answers.empty:
        detail = f"No label was reviewed. {_needed(limit, 0)}"
        return Finding(checks=(_error_check(None, None, 0, detail, settings, severity),))
    newest = answers[answers["queue"] == answers["queue"].iloc[-1]]
    before, now = error_rate_before(newest, _JUDGED), error_rate_now(newest, _JUDGED, labels)
    at_random = _answered_at_random(newest)
    return Finding(
        checks=(
            _error_check(before, now, at_random, _sentence(before, now), settings, severity),
            *_precision_checks(newest),
        ),
        summary="" if math.isnan(now.rate) else f"{now.rate:.1%} of labels wrong by estimate",
        metrics=_metrics(newest, labels),
        facts={
            "reviewed": int((answers["answer"] != UNSURE).sum()),
            "review_queue": str(newest["queue"].iloc[0]),
        },
        tables={"error_rates": _by_side(newest, labels), "reviews": _history(answers)},
    )


def judge_rules(rules: LabelRules | None, labels: pd.Series) -> Finding:
    """Whether every class of the labels is defined, and by which version of the rules."""
    classes = sorted(labels.unique())
    absent = [name for name in classes if rules is not None and name not in rules.classes]
    if rules is None:
        detail = "labels.rules names no file, so nothing says what each class means."
    elif absent:
        shown = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if absent[5:] else "")
        detail = f"Version {rules.version} of the label rules does not define {shown}."
    else:
        detail = f"Version {rules.version} of the label rules defines all {len(classes)} classes."
    outcome: Outcome = "failed" if absent else "passed"
    check = Check(
        id=f"{STAGE}.rules",
        stage=STAGE,
        title="Classes that the label rules do not define",
        severity="info",
        outcome="not_applicable" if rules is None else outcome,
        detail=detail,
        value=None if rules is None else float(len(absent)),
        limit=0.0,
        n=len(classes),
    )
    return Finding(checks=(check,), facts={"label_rules": rules.version if rules else None})


def _answered_at_random(newest: pd.DataFrame) -> int:
    """Answered rows of train and dev that were drawn at random."""
    ranked = newest["stratum"].str.startswith("ranked")
    counted = newest["side"].isin(_JUDGED) & ~ranked & (newest["answer"] != UNSURE)
    return int(counted.sum())


def _needed(limit: float | None, answered: int) -> str:
    """How many answers a judgement needs, as a sentence."""
    aim = _SHOWN_LIMIT if limit is None else limit
    rows = max(0, reviews_for(aim) - answered)
    return (
        f"{rows} more answers to rows of train and dev drawn at random, all of them right, would "
        f"show that fewer than {aim:.1%} are wrong: about assayline labels review --count "
        f"{math.ceil(rows * 8 / 3)}."
    )


def _error_check(
    before: ErrorRate | None,
    now: ErrorRate | None,
    at_random: int,
    detail: str,
    settings: LabelsSection,
    severity: Severity,
) -> Check:
    limit = settings.max_error_rate
    known = now is not None and not math.isnan(now.rate)
    outcome: Outcome = "not_applicable"
    if known and (limit is None or at_random >= reviews_for(limit)):
        assert now is not None  # noqa: S101 - it is known
        outcome = judged(now.rate, maximum=limit)
        if limit is not None:
            certain = now.high <= limit if outcome == "passed" else now.low > limit
            side = "within" if outcome == "passed" else "above"
            detail += f" That is {side} the limit of {limit:.1%}"
            detail += "." if certain else ", which the interval reaches across: not certain."
    elif known:
        detail += f" That is too few answers to judge the limit. {_needed(limit, at_random)}"
    return Check(
        id=f"{STAGE}.error_rate",
        stage=STAGE,
        title=_TITLE,
        severity=severity,
        required=settings.error_rate_required and limit is not None,
        outcome=outcome,
        value=now.rate if known and now is not None else None,
        limit=limit,
        interval=(now.low, now.high) if known and now is not None else None,
        n=0 if before is None else before.reviewed,
        detail=detail,
        evidence=None if before is None else "error_rates",
    )


def _sentence(before: ErrorRate, now: ErrorRate) -> str:
    if math.isnan(now.rate):
        return (
            f"{before.reviewed} labels were reviewed, and {before.wrong} of them were wrong; "
            f"{before.unknown:,} of {before.rows:,} rows are in parts of the queue without an "
            "answer, so the share of all rows cannot be estimated: answer more of the queue."
        )
    unsure = f", {before.unsure} more could not be told" if before.unsure else ""
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


def _metrics(newest: pd.DataFrame, labels: pd.Series) -> dict[str, float]:
    rates = {
        "error_rate": error_rate_now(newest, _JUDGED, labels),
        "error_rate_before": error_rate_before(newest, _JUDGED),
        "flag_precision": flag_precision(newest),
    }
    return {f"{STAGE}.{n}": found.rate for n, found in rates.items() if not math.isnan(found.rate)}


def _by_side(newest: pd.DataFrame, labels: pd.Series) -> Table:
    rows = []
    for side in ("train", "dev", "test"):
        if not (newest["side"] == side).any():
            continue
        before, now = error_rate_before(newest, [side]), error_rate_now(newest, [side], labels)
        rows.append(
            {
                "side": side,
                "rows": now.rows,
                "reviewed": now.reviewed,
                "wrong": now.wrong,
                "unsure": now.unsure,
                "before": before.rate,
                "now": now.rate,
                "low": now.low,
                "high": now.high,
            }
        )
    note = (
        "before and now: estimated share of wrong labels, with the 95 % interval of now. Test rows "
        "were drawn at random, whatever a model says of them, and choose nothing."
    )
    return Table(title="Wrong labels by side", frame=pd.DataFrame(rows), note=note)


def _history(answers: pd.DataFrame) -> Table:
    """Each queue with the rules that it followed: a better definition shows as fewer errors."""
    rows = []
    for name, queue in answers.groupby("queue", sort=False):
        found = error_rate_before(queue, _JUDGED)
        rows.append(
            {
                "queue": name,
                "when": str(queue["when"].iloc[-1])[:10],
                "label_rules": str(queue["rule"].iloc[0]),
                "reviewed": found.reviewed,
                "wrong": found.wrong,
                "error_rate": found.rate,
                "low": found.low,
                "high": found.high,
            }
        )
    note = "error_rate: of train and dev when the queue was drawn; missing where not estimated."
    return Table(title="Reviews so far", frame=pd.DataFrame(rows), note=note)


def _interval(found: ErrorRate) -> str:
    return f"95 % interval {found.low:.1%} to {found.high:.1%}"
