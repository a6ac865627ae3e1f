"""A file of tags, checked against its export and against what people said before.

Guarantees: a file is taken whole or refused whole; two answers to one row and tag that differ are
refused with both values; an empty cell says nothing, and is never a no; a tag has one spelling; the
answers that hold change nothing when they are taken again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import UsageError
from tasks.label_review.records import AnswerFile, contradiction
from tasks.label_review.tables import from_spreadsheet
from tasks.tagging.exports import Export
from tasks.tagging.said import LOOKED_AT, TagAnswer, by_row, tags_of

PREFIX = "tag: "
"""What the name of a column of a tag begins with, so that no feature is taken for one."""
SEEN = "looked at"
_TRUTHS = {"yes": True, "no": False}
_MOST_CHARACTERS = 60


@dataclass
class RowAnswer:
    """What the file says about one row: has it the tag, for each tag that was answered."""

    key: str
    who: str
    has: dict[str, bool] = field(default_factory=dict)


_FILE = AnswerFile(
    design="export",
    key="row_key",
    what="file of tags",
    designs="exports",
    fill_in=f"write yes or no into its columns '{PREFIX}...', or add such a column for a new tag",
)


def read_answers(path: Path) -> tuple[str, tuple[RowAnswer, ...]]:
    """The id of the export and the answered rows of a file; rows without an answer are left out.

    Raises as `AnswerFile.answers`, and UsageError for a cell that is neither yes, no nor empty.
    """
    lines = _FILE.lines(path)
    columns = _tag_columns(path, lines[0] if lines else {})

    def answered(line: Mapping[str, str], where: str) -> dict[str, bool] | None:
        has = _cells(line, columns, where)
        return has if _truth(line.get(SEEN, ""), SEEN, where) or has else None

    def told(tag: str, value: bool) -> str:
        return f"tag '{tag}' {_word(value)}" if tag else _word(value)

    export, found = _FILE.answers(path, lines, answered, told)
    return export, tuple(
        RowAnswer(key, from_spreadsheet(line.get("who", "")), has)
        for key, (has, line) in found.items()
    )


def take_answers(
    rows: Iterable[RowAnswer],
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
    _require_one_spelling((*tags_of(said), *(tag for row in rows for tag in row.has)))
    strata = {row.key: row.stratum for row in export.rows}
    export.require(strata, (row.key for row in rows))
    chances, holding = export.probabilities(), by_row(said)
    told = {(one.row_key, one.tag) for one in said if one.export == export.id}
    added = []
    for row in rows:
        before = holding.get(row.key, {})
        if not revise:
            _require_agreement(row, before)
        for tag, has in row.has.items() if row.has else {LOOKED_AT: False}.items():
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


def _tag_columns(path: Path, row: Mapping[str, str]) -> dict[str, str]:
    """The tag of each column that has one."""
    found: dict[str, str] = {}
    for column in row:
        if not column.strip().lower().startswith(PREFIX.strip()):
            continue
        tag = " ".join(column.strip()[len(PREFIX.strip()) :].split())
        if not tag or len(tag) > _MOST_CHARACTERS or re.search(r"[\x00-\x1f\x7f]", tag):
            raise UsageError(
                f"{path}: the column '{column}' names no tag; a tag has 1 to {_MOST_CHARACTERS} "
                "characters on one line"
            )
        if tag in found.values():
            raise UsageError(f"{path} has two columns of the tag '{tag}'; keep one")
        found[column] = tag
    return found


def _cells(row: Mapping[str, str], columns: Mapping[str, str], where: str) -> dict[str, bool]:
    found = {tag: _truth(row[column], column, where) for column, tag in columns.items()}
    return {tag: has for tag, has in found.items() if has is not None}


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


def _require_agreement(row: RowAnswer, before: Mapping[str, TagAnswer]) -> None:
    for tag, has in row.has.items():
        other = before.get(tag)
        if other is not None and other.has != has:
            said = f"row {row.key}: tag '{tag}' is answered {_word(has)}"
            raise contradiction(said, other.who, _word(other.has), other.when)


def _word(has: bool) -> str:
    return "yes" if has else "no"
