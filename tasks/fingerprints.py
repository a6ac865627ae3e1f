"""A SHA-256 of every cell of every row: per column, rolled up into one for the table.

Guarantees: the fingerprint depends on the names, the logical types, the order of the columns, the
order of the rows and the value of each cell, and on nothing else. It does not see chunks, slices,
dictionary encoding, the width of string offsets, compression or the file format.

What counts as the same value:

* NaN in a floating column is a missing cell (pandas has no other), so null and NaN are one;
  null differs from the empty string and from zero;
* -0.0 is 0.0;
* a time is the same instant whether it is stored in s, ms, us or ns;
* text is its UTF-8 bytes, whether `string`, `large_string`, `string_view` or a dictionary of them;
* int32 and int64, or float32 and float64, are different types.

Each column is three streams, hashed apart and then together: which cells are present (packed bits),
the sizes of the cells (variable-width types only), and their bytes, little-endian, with missing
cells zeroed. Columns are hashed in a small thread pool: `hashlib` lets go of the interpreter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_THREADS = 4
_BLOCK_ROWS = 1 << 16  # a block of 8-byte values and its copy stay in the cache
_TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
# Arrow types that hold the same cells, and the name that they share.
_VARIABLE_WIDTH = {
    "string": "string",
    "large_string": "string",
    "string_view": "string",
    "binary": "binary",
    "large_binary": "binary",
    "binary_view": "binary",
}
_STORED_AS = {
    "bool": ("bool", pa.uint8()),
    "null": ("null", pa.uint8()),
    "date32[day]": ("date", pa.date32()),
    "date64[ms]": ("date", pa.date32()),
}

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fingerprint:
    """SHA-256 in hex of the table and of each column, and the number of rows.

    Of columns that share a name, `columns` shows the last; `total` covers them all.
    """

    total: str
    columns: Mapping[str, str]
    rows: int


def fingerprint_table(table: pa.Table) -> Fingerprint:
    """The fingerprint of an Arrow table; its schema metadata does not count."""
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        parts = list(pool.map(_fingerprint_column, table.columns))
    named = [[name, *part] for name, part in zip(table.column_names, parts, strict=True)]
    whole = json.dumps({"rows": table.num_rows, "columns": named}, ensure_ascii=False)
    return Fingerprint(
        total=hashlib.sha256(whole.encode()).hexdigest(),
        columns={name: digest for name, _, digest in named},
        rows=table.num_rows,
    )


def fingerprint_frame(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> Fingerprint:
    """The fingerprint of a frame, or of some of its columns in the order given.

    A named index is included as the first column. An `object` column has the type that Arrow
    infers from its cells.
    """
    chosen = frame if columns is None else frame[list(columns)]
    if chosen.index.name is not None:
        chosen = chosen.reset_index()
    return fingerprint_table(pa.Table.from_pandas(chosen, preserve_index=False))


def _fingerprint_column(column: pa.ChunkedArray) -> tuple[str, str]:
    """Logical type and digest of one column."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    plan = _plan(column)
    streams = _Streams()
    missing = [plan.encode(block, streams) for chunk in plan.chunks for block in _blocks(chunk)]
    present = ~np.concatenate(missing) if missing else np.zeros(0, dtype=np.bool_)
    bits = b"" if present.all() else np.packbits(present, bitorder="little").tobytes()
    whole = hashlib.sha256(f"{plan.kind}\0{len(column)}\0".encode())
    whole.update(hashlib.sha256(bits).digest())
    whole.update(streams.digests())
    return plan.kind, whole.hexdigest()


class _Streams:
    """The running hashes of the sizes and of the values of a column's cells.

    `nanos` is what times have beyond whole microseconds; it counts only where there is any.
    """

    def __init__(self) -> None:
        self.sizes = hashlib.sha256()
        self.values = hashlib.sha256()
        self.nanos = hashlib.sha256()
        self.has_nanos = False

    def digests(self) -> bytes:
        """The hashes, one after the other."""
        nanos = self.nanos.digest() if self.has_nanos else b""
        return self.sizes.digest() + self.values.digest() + nanos


@dataclass(frozen=True)
class _Plan:
    """Logical type, chunks to hash, and the function that feeds a block to the streams."""

    kind: str
    chunks: list[Any]
    encode: Callable[[Any, _Streams], Mask]


def _plan(column: pa.ChunkedArray) -> _Plan:
    kind, types = column.type, pa.types
    if types.is_nested(kind):
        return _Plan(str(kind), _as_json(column), _encode_bytes)
    if types.is_floating(kind):
        return _Plan(f"float{kind.bit_width}", column.chunks, _encode_floats)
    if types.is_timestamp(kind):
        zone = "" if kind.tz is None else " with zone"
        return _Plan(f"timestamp{zone}", column.chunks, _encode_times)
    if str(kind) in _VARIABLE_WIDTH:
        return _Plan(_VARIABLE_WIDTH[str(kind)], _as_contiguous(column), _encode_bytes)
    if str(kind) in _STORED_AS:
        name, stored = _STORED_AS[str(kind)]
        return _Plan(name, column.cast(stored).chunks, _encode_fixed)
    return _Plan(str(kind), column.chunks, _encode_fixed)


def _as_contiguous(column: pa.ChunkedArray) -> list[Any]:
    """Chunks whose cells lie one after the other, which those of a view do not."""
    if column.type == pa.string_view():
        column = column.cast(pa.large_string())
    if column.type == pa.binary_view():
        column = column.cast(pa.large_binary())
    return list(column.chunks)


def _as_json(column: pa.ChunkedArray) -> list[Any]:
    """Nested cells as JSON text: slow, and independent of how Arrow lays them out."""
    cells = [
        None if cell is None else json.dumps(cell, default=str, sort_keys=True)
        for cell in column.to_pylist()
    ]
    return [pa.array(cells, type=pa.string())]


def _blocks(chunk: Any) -> Iterator[Any]:
    for start in range(0, len(chunk), _BLOCK_ROWS):
        yield chunk.slice(start, _BLOCK_ROWS)


def _missing(block: Any) -> Mask:
    if block.null_count == 0:
        return np.zeros(len(block), dtype=np.bool_)
    missing: Mask = pc.is_null(block).to_numpy(zero_copy_only=False)
    return missing


def _fixed_values(block: Any, dtype: npt.DTypeLike) -> Array:
    """The block's values without a copy; those of missing cells are whatever lies there."""
    buffer = block.buffers()[1]
    if buffer is None:
        return np.zeros(len(block), dtype=dtype)
    start = block.offset * np.dtype(dtype).itemsize
    return np.frombuffer(buffer, dtype=dtype, count=len(block), offset=start)


def _encode_fixed(block: Any, streams: _Streams) -> Mask:
    missing = _missing(block)
    width = block.type.bit_width // 8
    values = _fixed_values(block, f"<u{width}" if width in (1, 2, 4, 8) else f"V{width}")
    if block.null_count:
        values = values.copy()
        values[missing] = np.zeros((), dtype=values.dtype)
    streams.values.update(np.ascontiguousarray(values).view(np.uint8).data)
    return missing


def _encode_floats(block: Any, streams: _Streams) -> Mask:
    values = _fixed_values(block, f"<f{block.type.bit_width // 8}")
    canonical = values + values.dtype.type(0)  # turns -0.0 into 0.0
    missing: Mask = np.isnan(canonical)
    if block.null_count:
        missing |= _missing(block)
    if missing.any():
        canonical[missing] = 0
    streams.values.update(canonical.view(np.uint8).data)
    return missing


def _encode_times(block: Any, streams: _Streams) -> Mask:
    """Whole microseconds as values, and the nanoseconds beyond them."""
    missing = _missing(block)
    ticks = _fixed_values(block, "<i8")
    if block.null_count:
        ticks = np.where(missing, 0, ticks)
    per_second = _TICKS_PER_SECOND[block.type.unit]
    if per_second <= _TICKS_PER_SECOND["us"]:
        micros = ticks * (_TICKS_PER_SECOND["us"] // per_second)
        rest = np.zeros(len(micros), dtype=np.int64)
    else:
        micros, rest = np.divmod(ticks, 1_000)
    streams.values.update(np.ascontiguousarray(micros).view(np.uint8).data)
    streams.nanos.update(rest.astype("<u2").data)
    streams.has_nanos = streams.has_nanos or bool(rest.any())
    return missing


def _encode_bytes(block: Any, streams: _Streams) -> Mask:
    missing = _missing(block)
    wide = pa.types.is_large_string(block.type) or pa.types.is_large_binary(block.type)
    offset_buffer = block.buffers()[1]
    if offset_buffer is None or len(block) == 0:
        return missing
    dtype = np.dtype("<i8" if wide else "<i4")
    start = block.offset * dtype.itemsize
    offsets = np.frombuffer(offset_buffer, dtype=dtype, count=len(block) + 1, offset=start)
    sizes = np.diff(offsets)
    if block.null_count and sizes[missing].any():
        # Bytes that lie under missing cells do not count: fill them with nothing.
        empty = pa.scalar("" if "string" in str(block.type) else b"", type=block.type)
        _encode_bytes(pc.fill_null(block, empty), streams)
        return missing
    streams.sizes.update(sizes.astype("<u4").data)
    data = block.buffers()[2]
    if data is not None:
        streams.values.update(memoryview(data)[int(offsets[0]) : int(offsets[-1])])
    return missing
