"""What people said about rows: the file of hand tags beside the project.

Guarantees: a table that only grows; of several answers to one row and one tag the last holds; a
row that has no line of a tag is unknown to that tag, never without it.

The file is a CSV table: row_key, tag, has, who, when, export, run_id, probability. A line with an
empty tag says that the row was looked at before there was any tag to say no to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from tasks.label_review.records import columns_of, read_records, truth
from tasks.label_review.tables import write_table

LOOKED_AT = ""
"""The tag of a line that says only that somebody looked at the row."""


@dataclass(frozen=True, kw_only=True)
class TagAnswer:
    """One answer: whether the row has the tag. `probability` is that of the row being drawn."""

    row_key: str
    tag: str
    has: bool
    who: str
    when: str
    export: str
    run_id: str
    probability: float


COLUMNS = columns_of(TagAnswer)


def _chance(cell: str) -> float:
    if 0 < float(cell) <= 1:
        return float(cell)
    raise ValueError(cell)


def read_said(path: Path) -> tuple[TagAnswer, ...]:
    """The answers in the order of the file; none where there is no file.

    Raises ProjectFileError for a file that is no table of tags.
    """
    probability = (_chance, "above 0 and at most 1")
    cells = {"has": truth("yes", "no"), "probability": probability}
    return read_records(path, TagAnswer, "table of tags", cells)


def write_said(answers: Sequence[TagAnswer], path: Path) -> None:
    """Replace the file by one that holds `answers`, at once."""
    rows = [astuple(one) for one in answers]
    has = COLUMNS.index("has")
    written = [(*row[:has], "yes" if row[has] else "no", *row[has + 1 :]) for row in rows]
    write_table(COLUMNS, written, path)


def tags_of(answers: Iterable[TagAnswer]) -> tuple[str, ...]:
    """The tags that people gave, sorted."""
    return tuple(sorted({one.tag for one in answers} - {LOOKED_AT}))


def by_row(answers: Iterable[TagAnswer]) -> dict[str, dict[str, TagAnswer]]:
    """The answer that holds, by row key and tag."""
    found: dict[str, dict[str, TagAnswer]] = {}
    for one in answers:
        if one.tag != LOOKED_AT:
            found.setdefault(one.row_key, {})[one.tag] = one
    return found
