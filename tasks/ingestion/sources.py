"""What reading a source gives: its rows as they stand in the file, and those set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True)
class BadRow:
    """A row set aside: 1-based number of its line, reason, what is wrong, and its raw text."""

    line: int
    reason: str
    detail: str
    text: str


@dataclass(frozen=True)
class RawSource:
    """The rows as they stand in the file.

    `lines` holds the 1-based number of the line on which each row of `table` starts (of the row,
    where the file is Parquet). `typed` says that the columns have the types that the file gives
    them, which are plain ones (`arrow_types.plain_column`); `left_out` says of a column why it
    holds digests only. `delimiter` is that of a CSV file. `problem` is a sentence when nothing
    could be read.
    """

    table: pa.Table
    lines: npt.NDArray[np.int64]
    bad_rows: tuple[BadRow, ...] = ()
    typed: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","
    problem: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names as the file gives them; a nameless column is `column_<position>`."""
        return tuple(self.table.column_names)


def unreadable(problem: str) -> RawSource:
    """A source of which nothing could be read, and why."""
    return RawSource(table=pa.table({}), lines=np.zeros(0, dtype=np.int64), problem=problem)
