"""Records of what people said, one a line of a table that only grows, and the files they come in.

Guarantees: a cell that cannot be read is refused with its place; two answers to one question about
one row that differ are refused with both values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from tasks.errors import ConflictError, NotFoundError, ProjectFileError, UsageError
from tasks.label_review.tables import from_spreadsheet, read_table

Record = TypeVar("Record")
Value = TypeVar("Value", str, bool)
Cell = tuple[Callable[[str], Any], str]
"""How a cell that holds no text is read, and what it must be."""
WHOLE_NUMBER: Cell = (int, "a whole number")


def truth(yes: str, no: str) -> Cell:
    """One of two words. Spreadsheets write them in their own case."""
    return lambda cell: {yes: True, no: False}[cell.strip().lower()], f"{yes} or {no}"


def read_records(
    path: Path, record: type[Record], what: str, cells: Mapping[str, Cell]
) -> tuple[Record, ...]:
    """The records in the order of the file; none where there is no file.

    `cells` says how columns that hold no text are read. Raises ProjectFileError for a file that is
    no such table; `what` names it.
    """
    names, found = columns_of(record), []
    for place, row in enumerate(read_table(path, names, what), 1):
        values: dict[str, Any] = {name: row[name] for name in names}
        for name, (read, rule) in cells.items():
            try:
                values[name] = read(row[name])
            except (ValueError, KeyError):
                raise ProjectFileError(
                    f"{path}, row {place}: {name} must be {rule}, and is {row[name]!r}"
                ) from None
        found.append(record(**values))
    return tuple(found)


def columns_of(record: type[Any]) -> tuple[str, ...]:
    """The columns of a table of such records."""
    return tuple(one.name for one in fields(record))


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[Value]):
    """What a file says of one row of a design: an answer to each question, and what is beside it.

    The question is a tag, or empty where there is one question only. `given` is the label that the
    person was shown, if the file says so.
    """

    design: str
    key: str
    said: dict[str, Value]
    given: str = ""
    who: str = ""
    comment: str = ""

    @property
    def answer(self) -> Value:
        """The answer to the only question."""
        return self.said[""]


def read_answers(
    path: Path,
    columns: Sequence[str],
    said_in: Callable[[Mapping[str, str], str], dict[str, Value] | None],
    fill_in: str,
) -> tuple[Answer[Value], ...]:
    """The answered rows of a file, all of one design; lines without an answer are left out.

    `columns` are needed, those of the design's id and of the row's key first. `said_in` gives what
    a line says (None: nothing), `fill_in` says what to do where no line says anything. Raises
    NotFoundError without a file, UsageError without answers or for those to several designs, and
    ConflictError for answers that differ.
    """
    if not path.is_file():
        raise NotFoundError(f"no answers at {path}; name the file that the page saved")
    found: dict[str, Answer[Value]] = {}
    designs = set()
    for place, cells in enumerate(read_table(path, columns, "file of answers"), 1):
        line = {name: from_spreadsheet(cell) for name, cell in cells.items()}
        said = said_in(line, f"{path}, row {place}")
        if said is None:
            continue
        design, key = line[columns[0]].strip(), line[columns[1]]
        designs.add(design)
        beside = {name: line.get(name, "") for name in ("given", "who", "comment")}
        held = found.setdefault(key, Answer(design=design, key=key, said={}, **beside)).said
        for question, value in said.items():
            if held.setdefault(question, value) != value:
                named = f"tag '{question}' " if question else ""
                both = f"{named}{_shown(held[question])} and {_shown(value)}"
                raise ConflictError(f"{path} answers row {key} twice: {both}; keep one")
    if not found:
        raise UsageError(f"{path} has no answers: {fill_in}")
    if len(designs) > 1:
        names = ", ".join(sorted(designs)[:5])
        raise UsageError(
            f"the answers are to {len(designs)} {columns[0]}s ({names}); apply each apart"
        )
    return tuple(found.values())


def contradiction(
    key: str, question: str, value: Value, who: str, before: Value, when: str
) -> ConflictError:
    """An answer that somebody gave otherwise before; `when` is an ISO time."""
    subject = f"row {key}: tag '{question}'" if question else f"row {key}"
    return ConflictError(
        f"{subject} is answered {_shown(value)}, and {who} answered {_shown(before)} on "
        f"{when[:10]}; nothing was applied: settle it, or replace the earlier answer with --revise"
    )


def _shown(value: str | bool) -> str:
    return f"'{value}'" if isinstance(value, str) else ("yes" if value else "no")
