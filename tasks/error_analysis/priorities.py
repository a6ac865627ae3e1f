"""What is worth working on next: room for improvement times share of the data.

The method is Andrew Ng's error analysis: a tag is worth the accuracy that the whole would gain
if the rows with the tag were brought up to the level known to be reachable,

    gain = max(0, reference accuracy - accuracy within the tag) * share of the data with the tag.

**The reference** is the highest accuracy known to be reachable: declared human-level performance
or any other rung of the baseline ladder that is an accuracy, and the model's own accuracy over
all dev rows (a tag below it lags behind the rest). Two things are left out on purpose. The
constant class: it earns its accuracy by giving up on the rare class, and as a reference it would
advise to do the same. The best-served slice: the largest of many small rates is mostly noise.

**The interval** of a gain is that of the accuracy within the tag (Wilson); the reference and the
share are taken as they are. Tags are ranked by its lower bound, so that a small tag must be bad
beyond chance to come first. A gain says what success would be worth, not how hard it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.checks import Table
from tasks.error_analysis.tags import Tag
from tasks.intervals import wilson
from tasks.project.sections import Project

CHARTED = 15


@dataclass(frozen=True)
class Reference:
    """An accuracy that is known to be reachable, and whose it is."""

    accuracy: float
    name: str


@dataclass(frozen=True)
class Priority:
    """A tag with its room (accuracy, 0 to 1) and gain (points of accuracy over all rows)."""

    tag: Tag
    room: float
    gain_points: float
    low: float
    high: float


def priority(reference: float, accuracy: float, share: float) -> float:
    """Points of overall accuracy won if rows of this `share` went from `accuracy` to `reference`.

    All three are shares in [0, 1]; the result is in percentage points and never negative.
    """
    return max(0.0, reference - accuracy) * share * 100


def choose_reference(
    project: Project, ladder: Iterable[Mapping[str, Any]], accuracy: float
) -> Reference:
    """The highest accuracy known to be reachable; `accuracy` is the model's over all dev rows.

    `ladder` holds rungs with name, metric, value and kind; those of another metric than accuracy
    cannot be compared with an error rate and are passed over.
    """
    known = [Reference(accuracy, "the model's accuracy on all dev rows")]
    hlp = project.baselines.hlp
    if hlp is not None and hlp.metric == "accuracy":
        known.append(Reference(hlp.value, f"human-level performance, {hlp.name}"))
    for rung in ladder:
        value = rung["value"]
        usable = value is not None and math.isfinite(value)
        if rung["metric"] == "accuracy" and rung["kind"] not in ("constant", "hlp") and usable:
            known.append(Reference(float(value), f"the baseline {rung['name']}"))
    return max(known, key=lambda reference: reference.accuracy)


def rank_tags(tags: Iterable[Tag], reference: Reference, min_rows: int) -> list[Priority]:
    """Tags with enough rows by the lower bound of their gain, then gain, then name.

    A tag that every row has says nothing about where the errors are, and is left out.
    """
    judged = [_priority(t, reference) for t in tags if min_rows <= t.n < t.rows]
    return sorted(judged, key=lambda p: (-p.low, -p.gain_points, p.tag.name))


def describe(found: Priority, reference: Reference) -> str:
    """The priority in one sentence for a reader who sees nothing else."""
    tag = found.tag
    removed = round(found.room * tag.n)
    noun = "error" if removed == 1 else "errors"
    return (
        f"Rows with {tag.name} are {tag.share:.0%} of the dev data and {tag.share_of_errors:.0%} "
        f"of its errors: {tag.wrong} of {tag.n} are predicted wrongly ({tag.error_rate:.1%}, "
        f"against {tag.errors / tag.rows:.1%} over all); reaching {reference.accuracy:.1%} right "
        f"({reference.name}) would remove {removed} {noun} and win "
        f"{found.gain_points:.1f} points of accuracy."
    )


def to_fact(found: Priority, reference: Reference) -> dict[str, Any]:
    """The priority as JSON values, with its sentence."""
    return {
        "name": found.tag.name,
        "gain_points": found.gain_points,
        "low": found.low,
        "high": found.high,
        "room": found.room,
        "share": found.tag.share,
        "n": found.tag.n,
        "sentence": describe(found, reference),
    }


def priorities_table(ranked: Sequence[Priority], reference: Reference) -> Table:
    """The tags that are worth something, most certain first; at most as many as a chart holds."""
    rows = [
        (p.tag.name, p.gain_points, p.low, p.high, p.room, p.tag.share, p.tag.n)
        for p in ranked
        if p.gain_points > 0
    ]
    columns = ["label", "value", "low", "high", "room", "share", "n"]
    return Table(
        title="What to work on: points of accuracy to win (dev)",
        frame=pd.DataFrame(rows[:CHARTED], columns=columns),
        note=f"value = room x share of the data, in points; room = {reference.accuracy:.1%} "
        f"({reference.name}) less the accuracy within the tag; ranked by the lower bound. Tags "
        "may overlap, so gains do not add up.",
    )


def _priority(tag: Tag, reference: Reference) -> Priority:
    accuracy = 1 - tag.error_rate
    low, high = wilson(tag.n - tag.wrong, tag.n)
    return Priority(
        tag=tag,
        room=max(0.0, reference.accuracy - accuracy),
        gain_points=priority(reference.accuracy, accuracy, tag.share),
        low=priority(reference.accuracy, high, tag.share),
        high=priority(reference.accuracy, low, tag.share),
    )
