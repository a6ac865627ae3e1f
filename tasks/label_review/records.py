"""Records of what people said, one a line of a table that only grows; and the files they come in.

Guarantees: a cell that cannot be read is refused with its place; a file of answers is taken whole
or refused whole, and two answers to one question that differ are refused with both values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from tasks.errors import ConflictError, NotFoundError, ProjectFileError, UsageError
from tasks.label_review.tables import from_spreadsheet, read_table

Record = TypeVar("Record")
Value = TypeVar("Value", str, bool)


@dataclass(frozen=True)
class Cell:
    """How a cell that holds no text is read; `rule` says what it must be."""

    read: Callable[[str], Any]
    rule: str


def truth(yes: str, no: str) -> Cell:
    """One of two words. Spreadsheets write them in their own case."""
    return Cell(lambda cell: {yes: True, no: False}[cell.strip().lower()], f"{yes} or {no}")


WHOLE_NUMBER = Cell(int, "a whole number")


def read_records(
    path: Path, record: type[Record], what: str, cells: Mapping[str, Cell]
) -> tuple[Record, ...]:
    """The records in the order of the file; none where there is no file.

    `cells` says how the columns that hold no text are read. Raises ProjectFileError for a file
    that is no such table; `what` names it.
    """
    names = columns_of(record)
    found = []
    for place, row in enumerate(read_table(path, names, what), 1):
        values: dict[str, Any] = {name: row[name] for name in names}
        for name, cell in cells.items():
            try:
                values[name] = cell.read(row[name])
            except (ValueError, KeyError):
                raise ProjectFileError(
                    f"{path}, row {place}: {name} must be {cell.rule}, and is {row[name]!r}"
                ) from None
        found.append(record(**values))
    return tuple(found)


def columns_of(record: type[Any]) -> tuple[str, ...]:
    """The columns of a table of such records."""
    return tuple(one.name for one in fields(record))


@dataclass(frozen=True, kw_only=True)
class AnswerFile:
    """A kind of file of answers: the columns of the design's id and of the row, and others needed.

    `designs` names several designs, `fill_in` says what to do where there is no answer.
    """

    design: str
    key: str
    needed: tuple[str, ...] = ()
    what: str
    designs: str
    fill_in: str

    def lines(self, path: Path) -> list[dict[str, str]]:
        """The lines of the file. Raises NotFoundError where it is not there."""
        if not path.is_file():
            raise NotFoundError(f"no answers at {path}; name the file that the page saved")
        return read_table(path, (self.design, self.key, *self.needed), self.what)

    def answers(
        self,
        path: Path,
        lines: Sequence[dict[str, str]],
        read: Callable[[Mapping[str, str], str], dict[str, Value] | None],
        told: Callable[[str, Value], str],
    ) -> tuple[str, dict[str, tuple[dict[str, Value], Mapping[str, str]]]]:
        """The id of the design, and by row key what was said to each question, with the first line.

        `read` gives what a line says (None: nobody answered), `told` says an answer to a question.
        Raises UsageError without answers or for several designs, ConflictError for an answer that
        differs from another one of the file.
        """
        found: dict[str, tuple[dict[str, Value], Mapping[str, str]]] = {}
        designs = set()
        for place, line in enumerate(lines, 1):
            said = read(line, f"{path}, row {place}")
            if said is None:
                continue
            designs.add(from_spreadsheet(line[self.design]).strip())
            key = from_spreadsheet(line[self.key])
            before, _ = found.setdefault(key, ({}, line))
            for question, value in said.items():
                if before.setdefault(question, value) != value:
                    raise ConflictError(
                        f"{path} answers row {key} twice: {told(question, before[question])} and "
                        f"{told('', value)}; keep one"
                    )
        if not found:
            raise UsageError(f"{path} has no answers: {self.fill_in}")
        if len(designs) > 1:
            names = ", ".join(sorted(designs)[:5])
            raise UsageError(
                f"the answers are to {len(designs)} {self.designs} ({names}); apply each apart"
            )
        return designs.pop(), found


def contradiction(said: str, who: str, before: str, when: str) -> ConflictError:
    """What an answer says, and what was answered before by whom; `when` is an ISO time."""
    return ConflictError(
        f"{said}, and {who} answered {before} on {when[:10]}; nothing was applied: settle it, or "
        "replace the earlier answer with --revise"
    )
