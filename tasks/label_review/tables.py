"""Small CSV tables that people and programs share: read whole, replaced at once.

Guarantees: every cell is text and stays as it is, whatever it looks like; a reader sees the table
before a change or after it, never a part.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tasks.errors import ProjectError


def read_table(path: Path, needed: Sequence[str], what: str) -> list[dict[str, str]]:
    """The rows of a UTF-8 CSV table by column name; none where there is no file.

    Raises ProjectError for a file that cannot be read, lacks a needed column, or has a row with
    more cells than columns; `what` names the kind of table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as failure:
        raise ProjectError(f"the {what} {path} cannot be read: {failure}") from None
    header = text.partition("\n")[0]
    # Spreadsheets save with the separator of their country.
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(
        io.StringIO(text, newline=""), restkey="", strict=True, delimiter=delimiter
    )
    try:
        rows = list(reader)
    except csv.Error as failure:
        raise ProjectError(
            f"the {what} {path}, line {reader.line_num}: is not valid CSV ({failure})"
        ) from None
    absent = [name for name in needed if name not in (reader.fieldnames or ())]
    if absent:
        raise ProjectError(
            f"the {what} {path} has no column '{absent[0]}'; it needs {', '.join(needed)}"
        )
    for place, row in enumerate(rows, 1):
        if "" in row:
            raise ProjectError(f"the {what} {path}, row {place}: more cells than columns")
    return [{name: cell or "" for name, cell in row.items()} for row in rows]


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], path: Path) -> None:
    """Replace the file at once by one with these rows, on the disk when this returns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        part.chmod(path.stat().st_mode if path.exists() else 0o644)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
