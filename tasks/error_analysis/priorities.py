"""What is worth working on next: room for improvement times share of the data.

The method is Andrew Ng's error analysis: a tag is worth the accuracy that the whole would gain
if the rows with the tag were brought up to the level known to be reachable,

    gain = max(0, reference accuracy - accuracy within the tag) * share of the data with the tag.

**The reference** is the highest accuracy known to be reachable: human-level performance (declared,
else measured on the items that several people labelled) or any other rung of the baseline ladder
that is an accuracy, and the model's own accuracy over all dev rows (a tag below it lags behind the
rest). Where people were measured on the tag itself, on enough items, their level there is its
reference: what is hard for people has less room. A declared level goes before all measured ones.
Two things are left out on purpose. The
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
    reference: Reference
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
    if hlp is not None and _declares_accuracy(project):
        known.append(Reference(hlp.value, f"human-level performance, {hlp.name}"))
    for rung in ladder:
        value = rung["value"]
        usable = value is not None and math.isfinite(value)
        if rung["metric"] != "accuracy" or rung["kind"] == "constant" or not usable:
            continue
        if rung["kind"] != "hlp":
            known.append(Reference(float(value), f"the baseline {rung['name']}"))
        elif not _declares_accuracy(project):
            known.append(Reference(float(value), f"human-level performance, {rung['name']}"))
    return max(known, key=lambda reference: reference.accuracy)


def people_by_tag(people: pd.DataFrame, project: Project, min_rows: int) -> dict[str, Reference]:
    """How right one person is on the rows of each tag that people were measured on.

    `people` is the frame `human_level` of label consistency: accuracy by slice, recall by class.
    Empty where the project declares human-level accuracy.
    """
    if _declares_accuracy(project):
        return {}
    found = {}
    for row in people[people["n"] >= min_rows].to_dict("records"):
        name = f"{project.target}={row['name']}" if row["of"] == "class" else row["name"]
        measured = (row["of"], row["metric"]) in (("class", "recall"), ("slice", "accuracy"))
        if measured and math.isfinite(row["value"]):
            found[name] = Reference(float(row["value"]), f"people on {row['n']:,} such items")
    return found


def rank_tags(
    tags: Iterable[Tag],
    reference: Reference,
    min_rows: int,
    by_tag: Mapping[str, Reference] | None = None,
) -> list[Priority]:
    """Tags with enough rows by the lower bound of their gain, then gain, then name.

    A tag that every row has says nothing about where the errors are, and is left out. `by_tag`
    goes before `reference`.
    """
    own = by_tag or {}
    judged = [_priority(t, own.get(t.name, reference)) for t in tags if min_rows <= t.n < t.rows]
    return sorted(judged, key=lambda p: (-p.low, -p.gain_points, p.tag.name))


def describe(found: Priority) -> str:
    """The priority in one sentence for a reader who sees nothing else."""
    tag, reference = found.tag, found.reference
    removed = round(found.room * tag.n)
    noun = "error" if removed == 1 else "errors"
    return (
        f"Rows with {tag.name} are {tag.share:.0%} of the dev data and {tag.share_of_errors:.0%} "
        f"of its errors: {tag.wrong} of {tag.n} are predicted wrongly ({tag.error_rate:.1%}, "
        f"against {tag.errors / tag.rows:.1%} over all); reaching {reference.accuracy:.1%} right "
        f"({reference.name}) would remove {removed} {noun} and win "
        f"{found.gain_points:.1f} points of accuracy."
    )


def to_fact(found: Priority) -> dict[str, Any]:
    """The priority as JSON values, with its sentence."""
    return {
        "name": found.tag.name,
        "gain_points": found.gain_points,
        "low": found.low,
        "high": found.high,
        "room": found.room,
        "share": found.tag.share,
        "n": found.tag.n,
        "sentence": describe(found),
    }


def priorities_table(ranked: Sequence[Priority], reference: Reference) -> Table:
    """The tags that are worth something, most certain first; at most as many as a chart holds."""
    rows = [
        (p.tag.name, p.gain_points, p.low, p.high, p.room, p.tag.share, p.tag.n, p.reference.name)
        for p in ranked
        if p.gain_points > 0
    ]
    columns = ["label", "value", "low", "high", "room", "share", "n", "reference"]
    own = any(p.reference != reference for p in ranked)
    beside = ", or the tag's own reference" if own else ""
    return Table(
        title="What to work on: points of accuracy to win (dev)",
        frame=pd.DataFrame(rows[:CHARTED], columns=columns),
        note=f"value = room x share of the data, in points; room = {reference.accuracy:.1%} "
        f"({reference.name}{beside}) less the accuracy within the tag; ranked by the lower bound. "
        "Tags may overlap, so gains do not add up.",
    )


def _declares_accuracy(project: Project) -> bool:
    hlp = project.baselines.hlp
    return hlp is not None and hlp.metric == "accuracy"


def _priority(tag: Tag, reference: Reference) -> Priority:
    accuracy = 1 - tag.error_rate
    low, high = wilson(tag.n - tag.wrong, tag.n)
    return Priority(
        tag=tag,
        reference=reference,
        room=max(0.0, reference.accuracy - accuracy),
        gain_points=priority(reference.accuracy, accuracy, tag.share),
        low=priority(reference.accuracy, high, tag.share),
        high=priority(reference.accuracy, low, tag.share),
    )
