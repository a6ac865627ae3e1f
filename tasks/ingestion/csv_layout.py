"""How is a CSV file laid out beyond its rows: Excel's first line, headers inside, ends of lines?

Guarantees: line numbers stay those of the file; a header that stands again inside the file is set
aside with its line and is no row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingestion.sources import BadRow

HEADER_AGAIN = "the header once more"
WRONG_FIELDS = "wrong number of fields"
_SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?\n', re.IGNORECASE)
_MOST = 0.5


def without_separator_line(data: bytes, declared: str | None) -> tuple[bytes, str]:
    """The text with Excel's first line (`sep=;`) blanked, and the delimiter of its rows.

    The line's own mark is the delimiter where the project declares none. Raises ValueError, with a
    clause, where the two differ.
    """
    found = _SEPARATOR_LINE.match(data)
    if found is None:
        return data, declared or ","
    mark = found.group(1).decode("latin-1")
    if declared is not None and declared != mark:
        raise ValueError(
            f"Excel's line 'sep={mark}', and source.delimiter is '{declared}'; set "
            f"source.delimiter to '{mark}', or remove the line"
        )
    return data[found.end() - 1 :], mark


def headers_inside(table: pa.Table, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which rows are the header again, as where exports were put one below the other."""
    same = np.ones(table.num_rows, dtype=np.bool_)
    for place, (column, name) in enumerate(zip(table.columns, names, strict=True), 1):
        if not same.any():
            break
        as_named = pc.equal(pc.utf8_trim_whitespace(column), name.strip()).to_numpy()
        if name == f"column_{place}":  # the header has no name there
            as_named |= pc.equal(column, "").to_numpy()
        same &= as_named
    return same


def field_count_reason(bad_rows: Sequence[BadRow], rows: int, delimiter: str) -> str | None:
    """Why most rows have another number of fields than the header, where one reason fits them."""
    wrong = [row for row in bad_rows if row.reason == WRONG_FIELDS]
    if len(wrong) < _MOST * (rows + len(bad_rows)) or not wrong:
        return None
    detail, count = Counter(row.detail for row in wrong).most_common(1)[0]
    found, wanted = (int(word) for word in re.findall(r"[0-9]+", detail))
    several = f"{count:,} of {rows + len(bad_rows):,} rows have {detail}"
    if found == wanted + 1 and all(row.text.endswith(delimiter) for row in wrong):
        return (
            f"{several}: each ends in '{delimiter}', and the header does not; export without it, "
            f"or end the header in '{delimiter}' too"
        )
    if found == wanted + 1:
        return (
            f"{several}: the header lacks a name, as where row names are written without one; "
            "give the header as many names as the rows have fields"
        )
    return (
        f"{several}; the header is not that of these rows, or source.delimiter ('{delimiter}') is "
        "not theirs"
    )
