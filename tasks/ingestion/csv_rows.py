"""Which rows does a CSV file hold, on which lines, and which of them cannot be read?

Guarantees: every row of the file is either in the table or among the bad rows, with the number of
the line on which it starts; nothing is guessed or repaired, and no cell is interpreted. Blank
lines are no rows.

A record that spans lines and cannot be read (a quote that is never closed, mostly) costs only its
first line: that line is set aside and the lines after it are read again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tasks.ingestion.csv_layout import HEADER_AGAIN, WRONG_FIELDS, headers_inside
from tasks.ingestion.sources import BadRow, RawSource, unreadable

UNCLOSED = "a quote is not closed"
UNDECODABLE = "bytes that are not text in the source's encoding"

_MAX_PASSES = 100


def read_csv(name: str, data: bytes, delimiter: str) -> RawSource:
    """Read UTF-8 bytes with line feeds; every cell is text, an empty one the empty string.

    `name` is the file's, for the sentence of a problem.
    """
    try:
        names, header_lines = _header(data, delimiter)
    except UnicodeEncodeError:
        return unreadable(
            f"the header of {name} has bytes that are not text; set source.encoding to the file's"
        )
    except csv.Error as failure:
        return unreadable(f"the header of {name} cannot be read: {failure}")
    if not names:
        return unreadable(f"{name} holds blank lines only; export it again")
    body = _Body(data, header_lines)
    body.set_aside_undecodable()
    for _ in range(_MAX_PASSES):
        try:
            records = _parse(body.data, delimiter, len(names))
        except pa.ArrowInvalid as failure:
            return unreadable(f"{name} cannot be read as CSV: {failure}")
        spanning = list(_unreadable_spans(records, body))
        if not spanning:
            break
        body.set_aside(spanning, UNCLOSED, "the row runs on over the lines that follow")
    else:
        return unreadable(
            f"the quotes of {name} do not pair up, even with {len(body.bad_rows):,} lines set "
            "aside; export it again with quotes doubled inside quoted cells"
        )
    bad = [
        BadRow(
            line=int(records.bad_lines[i]) + header_lines + 1,
            reason=WRONG_FIELDS,
            detail=f"{fields} instead of {len(names)} fields",
            text=text,
        )
        for i, (_, fields, text) in enumerate(records.bad)
    ]
    again = headers_inside(records.table, names)
    bad += [
        BadRow(line + header_lines + 1, HEADER_AGAIN, "no row", body.text(line).decode())
        for line in records.lines[again].tolist()
    ]
    keep = ~body.are_blank(records) & ~again
    table = records.table if keep.all() else records.table.filter(pa.array(keep))
    return RawSource(
        table=table.rename_columns(names),
        lines=records.lines[keep] + header_lines + 1,
        bad_rows=tuple(sorted([*body.bad_rows, *bad], key=lambda row: row.line)),
        delimiter=delimiter,
    )


def _header(data: bytes, delimiter: str) -> tuple[list[str], int]:
    """Column names, and the number of lines up to and with the header."""
    # Rows below the header may hold bad bytes and are decoded along with it.
    lines = io.TextIOWrapper(
        io.BytesIO(data), encoding="utf-8", errors="surrogateescape", newline="\n"
    )
    reader = csv.reader(lines, delimiter=delimiter)
    for cells in reader:
        if cells:
            names = [cell or f"column_{i}" for i, cell in enumerate(cells, 1)]
            "".join(names).encode()
            return names, reader.line_num
    return [], 0


@dataclass(frozen=True)
class _Records:
    """What the parser made of the body; line numbers are 0-based and count from its start.

    `bad` holds the record's number, its number of fields and its text; `spans` the lines that each
    row of `table` takes beyond its first.
    """

    table: pa.Table
    lines: npt.NDArray[np.int64]
    spans: npt.NDArray[np.int64]
    bad: list[tuple[int, int, str]]
    bad_lines: npt.NDArray[np.int64]


def _parse(data: bytes, delimiter: str, width: int) -> _Records:
    bad: list[tuple[int, int, str]] = []

    def skip(row: pacsv.InvalidRow) -> str:
        bad.append((row.number, row.actual_columns, row.text))
        return "skip"

    names = [str(position) for position in range(width)]
    empty = pa.table({name: pa.array([], type=pa.string()) for name in names})
    table = empty
    if data.strip(b"\n"):
        table = _parse_table(data, delimiter, names, skip)
    count = table.num_rows + len(bad)
    bad_at = np.array([number - 1 for number, _, _ in bad], dtype=np.int64)
    kept_at = np.delete(np.arange(count, dtype=np.int64), bad_at)
    spans = np.zeros(count, dtype=np.int64)
    spans[bad_at] = [text.count("\n") for _, _, text in bad]
    if b'"' in data:
        for column in table.columns:
            spans[kept_at] += pc.count_substring(column, "\n").to_numpy()
    starts = np.concatenate([[0], np.cumsum(spans + 1)[:-1]]).astype(np.int64)[:count]
    return _Records(table, starts[kept_at], spans[kept_at], bad, starts[bad_at])


def _parse_table(
    data: bytes, delimiter: str, names: list[str], skip: Callable[[pacsv.InvalidRow], str]
) -> pa.Table:
    block = 1 << 20
    while True:
        try:
            return pacsv.read_csv(
                pa.BufferReader(data),
                # Only one thread numbers the rows that it hands to `skip`.
                read_options=pacsv.ReadOptions(
                    column_names=names, use_threads=False, block_size=min(block, len(data) + 1)
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=skip,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as failure:
            if "straddl" not in str(failure) or block > len(data):
                raise
            block *= 16


def _unreadable_spans(records: _Records, body: _Body) -> Iterable[int]:
    """First lines of the records over several lines that cannot be what was meant."""
    for i, (_, _, text) in enumerate(records.bad):
        if "\n" in text:
            yield int(records.bad_lines[i])
    for row in np.flatnonzero(records.spans):
        first = int(records.lines[row])
        count = int(records.spans[row]) + 1
        # Quotes come in pairs; an odd one swallowed the lines up to the next quoted field.
        if body.text(first, count).count(b'"') % 2 or body.is_holed(first, count):
            yield first


class _Body:
    """The lines after the header; lines that were set aside are blank, so that numbers hold."""

    def __init__(self, data: bytes, header_lines: int) -> None:
        self.header_lines = header_lines
        self.bad_rows: list[BadRow] = []
        self._aside: set[int] = set()
        for _ in range(header_lines):
            data = data[data.find(b"\n") + 1 :] if b"\n" in data else b""
        self._use(data)

    def _use(self, data: bytes) -> None:
        self.data = data
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
        self._starts = np.concatenate([[0], ends + 1])

    def text(self, line: int, count: int = 1) -> bytes:
        """The raw bytes of lines, the last line feed left out."""
        last = line + count
        end = int(self._starts[last]) - 1 if last < len(self._starts) else len(self.data)
        return self.data[int(self._starts[line]) : end]

    def is_holed(self, line: int, count: int) -> bool:
        """Whether one of these lines was set aside, so that a row over them has lost a part."""
        return not self._aside.isdisjoint(range(line, line + count))

    def set_aside(self, lines: Iterable[int], reason: str, detail: str) -> None:
        """Make lines blank and remember them as bad rows."""
        pieces, position = [], 0
        for line in sorted(set(lines)):
            raw = self.text(line)
            self._aside.add(line)
            shown = raw.decode("utf-8", errors="backslashreplace")
            self.bad_rows.append(BadRow(line + self.header_lines + 1, reason, detail, shown))
            start = int(self._starts[line])
            pieces.append(self.data[position:start])
            position = start + len(raw)
        self._use(b"".join([*pieces, self.data[position:]]))

    def set_aside_undecodable(self) -> None:
        """Set aside every line that is not UTF-8."""
        try:
            self.data.decode("utf-8")
        except UnicodeDecodeError:
            bad = [i for i, raw in enumerate(self.data.split(b"\n")) if not _is_utf8(raw)]
            self.set_aside(bad, UNDECODABLE, "shown with \\x escapes")

    def are_blank(self, records: _Records) -> npt.NDArray[np.bool_]:
        """Which rows are blank lines, as against rows whose every cell is empty."""
        blank = np.zeros(records.table.num_rows, dtype=np.bool_)
        if not (b"\n\n" in self.data or self.data.startswith(b"\n")):
            return blank
        blank[:] = True
        for column in records.table.columns:
            blank &= pc.equal(column, "").to_numpy()
        for row in np.flatnonzero(blank):
            blank[row] = not self.text(int(records.lines[row]))
        return blank


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
