"""The review page and table: what a person looks at to say which label is right.

Guarantees: nothing is requested from anywhere, and no script runs but the page's own, whose hash is
in the page's content policy; every value is escaped; suspects and rows drawn at random look alike,
so do train, dev and test, and every class can be the answer to every row; a cell that a spreadsheet
would take for a formula is written as text; a feature is never taken for a column of the answers;
the same queue gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.label_review.queue import Queue, QueueRow
from tasks.label_review.reviews import UNSURE
from tasks.label_review.rules import ClassRule, LabelRules
from tasks.label_review.tables import for_spreadsheet, table_text
from tasks.project.roles import Roles
from tasks.reports.asked_rows import (
    AskedItem,
    contents_of,
    feature_cells,
    feature_columns,
    render_asked,
)

_MOST_BUTTONS = 20

Neighbours = Mapping[str, Sequence[tuple[str, str]]]
"""For each key its nearest train rows: the row in one line, and its label."""


@dataclass(frozen=True, kw_only=True)
class _Item(AskedItem):
    given: str
    considered: tuple[str, ...]
    buttons: tuple[str, ...]
    rules: tuple[tuple[str, ClassRule], ...]
    neighbours: Sequence[tuple[str, str]]


def render_review(
    queue: Queue,
    rows: pd.DataFrame,
    roles: Roles,
    rules: LabelRules | None,
    neighbours: Neighbours,
) -> str:
    """The queue as one self-contained HTML page; `rows` has its rows by key."""
    asked = rows.loc[[row.key for row in queue.rows]]
    items = [
        _item(row, queue, values, roles, rules, neighbours)
        for row, (_, values) in zip(queue.rows, asked.iterrows(), strict=True)
    ]
    searched = () if _few(queue) else queue.classes
    return render_asked("review", queue, items, searched=searched, unsure=UNSURE)


def review_table(queue: Queue, rows: pd.DataFrame, roles: Roles) -> str:
    """The queue as CSV with an empty column `answer`, for a spreadsheet."""
    lines = []
    for row in queue.rows:
        values = feature_cells(rows, row.key, roles)
        consider = for_spreadsheet(" or ".join(_considered(row)))
        lines.append([queue.id, for_spreadsheet(row.key), consider, *values, "", ""])
    return table_text(
        ["queue", "key", "consider", *feature_columns(roles), "answer", "comment"], lines
    )


def _item(
    row: QueueRow,
    queue: Queue,
    values: pd.Series,
    roles: Roles,
    rules: LabelRules | None,
    neighbours: Neighbours,
) -> _Item:
    considered = _considered(row)
    defined = rules.classes if rules else {}
    return _Item(
        **contents_of(row.key, values, roles),
        given=row.given,
        considered=considered,
        buttons=queue.classes if _few(queue) else considered,
        rules=tuple((name, defined[name]) for name in considered if name in defined),
        neighbours=neighbours.get(row.key, ()),
    )


def _few(queue: Queue) -> bool:
    """Whether each class is a button; where they are many, the others are searched by name."""
    return len(queue.classes) <= _MOST_BUTTONS


def _considered(row: QueueRow) -> tuple[str, ...]:
    """The given label and the other one, in the order of the alphabet."""
    return tuple(sorted({row.given, row.other} - {""}))
