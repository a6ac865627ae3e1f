"""What does the source file hold, whatever its format and encoding?

Guarantees: a row is in the table or set aside with its line; line ends of every kind are read as a
line feed; a file that cannot be made sense of is a problem in the result, never an exception.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import NotFoundError, ProjectFileError
from tasks.ingestion.arrow_types import plain_column
from tasks.ingestion.containers import foreign_kind, unpacked
from tasks.ingestion.csv_layout import without_separator_line
from tasks.ingestion.csv_rows import read_csv
from tasks.ingestion.sources import RawSource, unreadable
from tasks.project.data_sections import SourceSection

_PARQUET_MAGIC = b"PAR1"


def read_source(path: Path, source: SourceSection) -> RawSource:
    """Read the file: every cell as text from CSV, every column as its own type from Parquet.

    Raises NotFoundError when there is no such file; a file that cannot be made sense of is a
    `problem` in the result.
    """
    data = _bytes_of(path)
    try:
        return _read(path, data, source)
    except _UnreadableError as failure:
        return unreadable(f"{path.name} {failure}")


class _UnreadableError(Exception):
    """Why nothing can be made of the file: what it is, as the rest of a sentence."""


def _read(path: Path, data: bytes, source: SourceSection) -> RawSource:
    if not data:
        raise _UnreadableError("is empty (0 bytes); export it again")
    try:
        data = unpacked(data)
    except ValueError as failure:
        raise _UnreadableError(f"{failure}; unpack it, or export it again") from None
    if (foreign := foreign_kind(data)) is not None:
        raise _UnreadableError(f"is {foreign}")
    if _is_parquet(path, source, data):
        return _read_parquet(path.name, data)
    try:
        text = _as_utf8(data, source.encoding)
    except (LookupError, UnicodeError) as failure:
        raise _UnreadableError(f"is not text in {source.encoding}: {failure}") from None
    # A comma is what a project gets that declares none.
    declared = source.delimiter if source.delimiter != "," else None
    try:
        text, delimiter = without_separator_line(text, declared)
    except ValueError as failure:
        raise _UnreadableError(f"begins with {failure}") from None
    return read_csv(path.name, text, delimiter)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"no source file at {path}; correct source.path") from None
    except IsADirectoryError:
        raise ProjectFileError(f"{path} is a folder; name the CSV or Parquet file in it") from None
    except OSError as failure:
        raise ProjectFileError(f"cannot read {path}: {failure.strerror}") from None


def _is_parquet(path: Path, source: SourceSection, data: bytes) -> bool:
    if source.format != "auto":
        return source.format == "parquet"
    return path.suffix.lower() in (".parquet", ".pq") or data.startswith(_PARQUET_MAGIC)


def _read_parquet(name: str, data: bytes) -> RawSource:
    try:
        # Not `read_table`, which refuses names that stand twice: those are told by a check.
        table = pq.ParquetFile(pa.BufferReader(data)).read()
    except (pa.ArrowException, OSError) as failure:
        reason = str(failure).splitlines()[0]
        return unreadable(f"{name} is not a whole Parquet file: {reason}")
    return typed_source(table)


def typed_source(table: pa.Table) -> RawSource:
    """A table whose columns have types of their own, as those of a Parquet file have."""
    plain = [plain_column(column) for column in table.columns]
    names = table.column_names
    return RawSource(
        table=pa.table([values for values, _ in plain], names=names),
        lines=np.arange(1, table.num_rows + 1, dtype=np.int64),
        typed=True,
        left_out={n: why for n, (_, why) in zip(names, plain, strict=True) if why is not None},
    )


def _as_utf8(data: bytes, encoding: str) -> bytes:
    """UTF-8 with line feeds; a byte that cannot be decoded stays one that UTF-8 cannot hold."""
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig"):
        data = data.removeprefix(b"\xef\xbb\xbf")
    else:
        text = data.decode(encoding, errors="surrogateescape").removeprefix("\ufeff")
        data = text.encode("utf-8", errors="surrogateescape")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data
