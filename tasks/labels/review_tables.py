"""What people answered, as tables: by side, and from queue to queue.

Guarantee: nothing here judges; test stands apart.
"""

from __future__ import annotations

import math

import pandas as pd

from tasks.checks import Table
from tasks.intervals import wilson
from tasks.label_review.error_rate import Known, error_rate_before, error_rate_now
from tasks.label_review.reviews import RANKED, UNSURE
from tasks.labels.review_estimates import JUDGED, Estimate


def by_side(found: Estimate, labels: pd.Series) -> Table:
    """The estimated share of wrong labels of each side that was asked about."""
    rows = []
    for side in ("train", "dev", "test"):
        if not (found.lines["side"] == side).any():
            continue
        before = error_rate_before(found.lines, {side: 0}, found.known)
        now = error_rate_now(found.lines, {side: 0}, labels, found.known)
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


def history(answers: pd.DataFrame, sides: pd.Series) -> Table:
    """Each queue with the rules that it followed: a better definition shows as more agreement."""
    sizes = {side: int((sides == side).sum()) for side in JUDGED}
    rows = []
    for name, queue in answers.groupby("queue", sort=False):
        found = error_rate_before(queue, sizes, _asked_before(queue))
        rows.append(
            {
                "queue": name,
                "when": str(queue["when"].iloc[-1])[:10],
                "label_rules": str(queue["rule"].iloc[0]),
                "reviewed": found.reviewed,
                "wrong": found.wrong,
                **_agreement(queue),
                "error_rate": found.rate,
                "error_low": found.low,
                "error_high": found.high,
            }
        )
    note = (
        "agreement: of the reviewer with the label, over the rows of train and dev drawn at random "
        "(n); error_rate: of train and dev when the queue was drawn; missing where not estimated."
    )
    return Table(title="Reviews so far", frame=pd.DataFrame(rows), note=note)


def _agreement(queue: pd.DataFrame) -> dict[str, float]:
    """How often the reviewer says what the label says, with Wilson's interval.

    Over rows that no ranking chose: those that one did are the doubtful ones.
    """
    drawn = queue["side"].isin(JUDGED) & ~queue["stratum"].isin(RANKED)
    answered = queue[drawn & (queue["answer"] != UNSURE)]
    n = len(answered)
    same = int((answered["answer"] == answered["given"]).sum())
    low, high = wilson(same, n)
    return {"agreement": same / n if n else math.nan, "low": low, "high": high, "n": n}


def _asked_before(queue: pd.DataFrame) -> dict[str, Known]:
    """The rows that were known when the queue was drawn, as right: corrections came in between."""
    lines = queue.drop_duplicates("side").set_index("side")["known_rows"]
    return {str(side): Known(rows=int(rows)) for side, rows in lines.items()}
