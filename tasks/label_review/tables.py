"""Small CSV tables that people and programs share: read whole, replaced at once.

Guarantees: every cell is text and stays as it is, whatever it looks like and however long it is; a
reader sees the table before a change or after it, never a part; `from_spreadsheet` takes back
exactly what `for_spreadsheet` did.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tasks.atomic import write_text
from tasks.errors import ProjectFileError

# Marks before a formula are part of it, so that a text that begins with a mark is told apart.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def for_spreadsheet(cell: str) -> str:
    """The cell as a spreadsheet shows it and does not compute it: a formula gets a mark before."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def from_spreadsheet(cell: str) -> str:
    """The cell that `for_spreadsheet` was given."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


def read_table(path: Path, needed: Sequence[str], what: str) -> list[dict[str, str]]:
    """The rows of a UTF-8 CSV table by column name; none where there is no file.

    Raises ProjectFileError for a file that cannot be read, lacks a needed column, has a column
    twice, or a row with more cells than columns; `what` names the kind of table.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as failure:
        raise ProjectFileError(f"the {what} {path} cannot be read: {failure}") from None
    # The limit is the process's, and only ever raised: another thread may be reading.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.DictReader(
        io.StringIO(text, newline=""), restkey="", strict=True, delimiter=_delimiter(text, needed)
    )
    try:
        rows = list(reader)
    except csv.Error as failure:
        raise ProjectFileError(
            f"the {what} {path}, line {reader.line_num}: is not valid CSV ({failure})"
        ) from None
    names = Counter(reader.fieldnames or ())
    absent = [name for name in needed if name not in names]
    if absent:
        raise ProjectFileError(
            f"the {what} {path} has no column '{absent[0]}'; it needs {', '.join(needed)}"
        )
    twice = [name for name, count in names.items() if name and count > 1]
    if twice:
        raise ProjectFileError(f"the {what} {path} has the column '{twice[0]}' twice; keep one")
    for place, row in enumerate(rows, 1):
        if "" in row:
            raise ProjectFileError(f"the {what} {path}, row {place}: more cells than columns")
    return [{name: cell or "" for name, cell in row.items()} for row in rows]


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table as CSV."""
    text = io.StringIO()
    plain = csv.writer(text, lineterminator="\n")
    # Left bare, a carriage return would end the line for whoever reads it.
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in (columns, *rows):
        writer = quoted if any("\r" in str(cell) for cell in row) else plain
        writer.writerow(row)
    return text.getvalue()


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], path: Path) -> None:
    """Replace the file at once by one with these rows, on the disk when this returns."""
    write_text(path, table_text(columns, rows), durable=True)


def _delimiter(text: str, needed: Sequence[str]) -> str:
    """What separates the columns: spreadsheets save with the separator of their country.

    The names of the needed columns tell; a separator within the name of another column does not.
    """
    header = next(io.StringIO(text), "")
    marks = sorted(",;\t", key=lambda mark: header.find(mark) % (len(header) + 1))
    for mark in marks:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=mark), [])
        if set(needed) <= set(names):
            return mark
    return marks[0]
