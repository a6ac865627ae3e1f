"""The priority table as a reader sees it, and the advice that goes with its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.checks import Table
from tasks.error_analysis.advice import Advice
from tasks.error_analysis.priorities import Priority
from tasks.error_analysis.references import Reference

CHARTED = 15
_COLUMNS = ("label", "value", "low", "high", "room", "share", "n", "reference", "advice")
_DECLARED = ("gain", "importance", "ease", "note")


def priorities_table(
    ranked: Sequence[Priority], reference: Reference, advice: Mapping[str, Advice]
) -> Table:
    """The tags by what they are surely worth; at most as many as a chart holds.

    Where the project declares what work means to it, `value` is the gain times the importance.
    """
    declared = any(p.work.model_fields_set for p in ranked)
    rows = [_row(found, advice[found.tag.name].action, declared) for found in ranked[:CHARTED]]
    own = any(p.reference != reference for p in ranked)
    beside = ", or the tag's own reference" if own else ""
    times = " x importance" if declared else ""
    note = (
        f"value = room x share of the data{times}, in points; room = {reference.accuracy:.1%} "
        f"({reference.name}{beside}) less the accuracy within the tag; ranked by the lower bound. "
        "Tags may overlap, so gains do not add up."
    )
    if len(ranked) > CHARTED:
        note += f" The first {CHARTED} of {len(ranked)} tags."
    columns = [*_COLUMNS, *(_DECLARED if declared else ())]
    return Table(
        title="What to work on: points of accuracy to win (dev)",
        frame=pd.DataFrame(rows, columns=columns),
        note=note,
    )


def advice_table(ranked: Sequence[Priority], advice: Mapping[str, Advice]) -> Table:
    """What the evidence says to do about each tag of the priority table, in its order."""
    rows = [
        (found.tag.name, advice[found.tag.name].action, advice[found.tag.name].evidence)
        for found in ranked[:CHARTED]
    ]
    return Table(
        title="What the evidence advises, by tag",
        frame=pd.DataFrame(rows, columns=["tag", "advice", "evidence"]),
    )


def _row(found: Priority, action: str, declared: bool) -> tuple[object, ...]:
    tag, work = found.tag, found.work
    row: tuple[object, ...] = (
        tag.name,
        *found.worth,
        found.room.value,
        tag.share.value,
        tag.n,
        found.reference.name,
        action,
    )
    if not declared:
        return row
    return (*row, found.gain_points, work.importance, work.ease, work.note)
