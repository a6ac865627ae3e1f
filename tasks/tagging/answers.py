"""A file of tags, checked against its export and against what people said before.

Guarantees: a file is taken whole or refused whole; two answers to one row and tag that differ are
refused with both values; an empty cell says nothing, and is never a no; a tag has one spelling; the
answers that hold change nothing when they are taken again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tasks.errors import UsageError
from tasks.label_review import records
from tasks.label_review.records import Answer, contradiction
from tasks.tagging.exports import Export
from tasks.tagging.said import LOOKED_AT, TagAnswer, by_row, tags_of

PREFIX = "tag: "
"""What the name of a column of a tag begins with, so that no feature is taken for one."""
SEEN = "looked at"
_TRUTHS = {"yes": True, "no": False}
_MOST_CHARACTERS = 60


def read_answers(path: Path) -> tuple[Answer[bool], ...]:
    """The answered rows of a file, all of one export; rows without an answer are left out.

    Raises as `records.read_answers`, and UsageError for a cell that is neither yes, no nor empty.
    """
    fill_in = f"write yes or no into its columns '{PREFIX}...', or add such a column for a new tag"
    return records.read_answers(path, ("export", "row_key"), _said_in, fill_in)


def take_answers(
    rows: Iterable[Answer[bool]],
    export: Export,
    said: Sequence[TagAnswer],
    *,
    name: str,
    when: str,
    revise: bool,
) -> tuple[TagAnswer, ...]:
    """The lines that the answers add to what people said before.

    `name` stands for those who gave none, `when` is an ISO time. With `revise` an answer replaces
    an earlier one that differs. Raises UsageError for a row that is not in the export and a tag
    that is there by another spelling; ConflictError for an answer that contradicts.
    """
    rows = tuple(rows)
    _require_one_spelling((*tags_of(said), *(tag for row in rows for tag in row.said)))
    strata = {row.key: row.stratum for row in export.rows}
    export.require(strata, (row.key for row in rows))
    chances, holding = export.probabilities(), by_row(said)
    told = {(one.row_key, one.tag) for one in said if one.export == export.id}
    added = []
    for row in rows:
        before = holding.get(row.key, {})
        if not revise:
            _require_agreement(row, before)
        for tag, has in row.said.items() if row.said else {LOOKED_AT: False}.items():
            new = (row.key, tag) not in told
            if new or (tag in before and before[tag].has != has):
                added.append(
                    TagAnswer(
                        row_key=row.key,
                        tag=tag,
                        has=has,
                        who=row.who or name,
                        when=when,
                        export=export.id,
                        run_id=export.run_id,
                        probability=chances[strata[row.key]],
                    )
                )
    return tuple(added)


def _said_in(line: Mapping[str, str], where: str) -> dict[str, bool] | None:
    """Whether the row has each tag that was answered; None where nobody looked at it."""
    found: dict[str, bool | None] = {}
    for column, cell in line.items():
        if not column.strip().lower().startswith(PREFIX.strip()):
            continue
        tag = " ".join(column.strip()[len(PREFIX.strip()) :].split())
        if not tag or len(tag) > _MOST_CHARACTERS or re.search(r"[\x00-\x1f\x7f]", tag):
            raise UsageError(
                f"{where}: the column '{column}' names no tag; a tag has 1 to {_MOST_CHARACTERS} "
                "characters on one line"
            )
        if tag in found:
            raise UsageError(f"{where} has two columns of the tag '{tag}'; keep one")
        found[tag] = _truth(cell, column, where)
    has = {tag: value for tag, value in found.items() if value is not None}
    return has if has or _truth(line.get(SEEN, ""), SEEN, where) else None


def _truth(cell: str, column: str, where: str) -> bool | None:
    word = cell.strip().lower()
    if word and word not in _TRUTHS:
        raise UsageError(
            f"{where}: '{column}' must be yes, no or empty (nobody looked), and is {cell!r}"
        )
    return _TRUTHS.get(word)


def _require_one_spelling(tags: Iterable[str]) -> None:
    known: dict[str, str] = {}
    for tag in tags:
        other = known.setdefault(tag.casefold(), tag)
        if other != tag:
            raise UsageError(
                f"'{tag}' and '{other}' are one tag in two spellings; nothing was applied: write "
                f"'{other}' in both"
            )


def _require_agreement(row: Answer[bool], before: Mapping[str, TagAnswer]) -> None:
    for tag, has in row.said.items():
        other = before.get(tag)
        if other is not None and other.has != has:
            raise contradiction(row.key, tag, has, other.who, other.has, other.when)
