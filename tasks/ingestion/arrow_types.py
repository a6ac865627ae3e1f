"""What does each Arrow type become?

Guarantees: a column of any type is brought to truth values, numbers, words, bytes, dates or times,
cell by cell and with its missing ones; where none of these holds what a cell says (lists, structs,
intervals, bytes of a fixed width) each cell becomes its SHA-256, with the reason. No type is an
error.

Encodings are taken off first: dictionaries and run-end encoding, whatever they hold, and views.
An extension type is what it is stored as, but for a UUID, which becomes its usual text, and a
`bool8`. A duration becomes its seconds, exactly.
"""

from __future__ import annotations

import decimal
import hashlib
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_UNREADABLE = (
    pa.ArrowException,
    ValueError,
    OverflowError,
    TypeError,
    LookupError,  # an unknown zone
    NotImplementedError,
)
"""What pyarrow and Python raise for a cell that they cannot show."""


def plain_column(raw: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str | None]:
    """The column in a plain type; where its cells are kept as digests only, also why."""
    try:
        values, reason = _plain(raw)
    except _UNREADABLE as failure:
        first = (str(failure).splitlines() or [type(failure).__name__])[0]
        reason = f"cells of type {raw.type} cannot be read ({first}) and are kept as their SHA-256"
        return digests(raw), reason
    if reason is not None:
        reason = f"cells of type {raw.type} are kept as their SHA-256"
    return values, reason


def is_bytes(kind: pa.DataType) -> bool:
    """Whether these are bytes, of which a plain column may consist."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def bytes_as_words(raw: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Bytes as text, which is how older writers store it; None where they are not UTF-8."""
    try:
        return raw.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return None


def digests(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """The SHA-256 of each cell, as words."""
    return _words(_digests(raw))


def _plain(raw: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str | None]:
    """The column and, where it was digested, a reason that its caller words."""
    kind, types = raw.type, pa.types
    if types.is_dictionary(kind):
        return _of_chunks(raw, lambda chunk: (chunk.dictionary, chunk.indices))
    if types.is_run_end_encoded(kind):
        return _of_chunks(raw, _runs)
    if isinstance(kind, pa.BaseExtensionType):
        return _of_extension(raw)
    if _is_simple(kind):
        return raw, None
    brought = _brought(raw)
    return (brought, None) if brought is not None else (digests(raw), "no plain value")


def _is_simple(kind: pa.DataType) -> bool:
    types = pa.types
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    time = types.is_timestamp(kind) or types.is_date(kind)
    simple = number or time or types.is_boolean(kind) or is_bytes(kind)
    return bool(simple) and not types.is_float16(kind)


def _brought(raw: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The column as another type that says the same; None where there is none."""
    kind, types = raw.type, pa.types
    if types.is_string(kind) or types.is_large_string(kind) or kind == pa.string_view():
        raw.validate(full=True)  # a file may hold bytes that are no UTF-8 under this type
        return raw.cast(pa.large_string())
    if types.is_null(kind):
        return _words([None] * len(raw))
    if types.is_duration(kind):
        return _seconds(raw)
    casts = {pa.float16(): pa.float32(), pa.binary_view(): pa.large_binary()}
    wanted = pa.large_string() if types.is_time(kind) else casts.get(kind)
    return None if wanted is None else raw.cast(wanted)


def _of_chunks(raw: pa.ChunkedArray, parts: object) -> tuple[pa.ChunkedArray, str | None]:
    """Each chunk's values made plain and laid out by position; `parts` gives both."""
    value_type = raw.type.value_type
    chunks = []
    empty, reason = _plain(pa.chunked_array([], type=value_type))
    for chunk in raw.chunks:
        values, positions = parts(chunk)  # type: ignore[operator]
        plain, why = _plain(pa.chunked_array([values], type=value_type))
        reason = reason or why
        chunks.append(plain.take(positions))
    whole = [piece for chunk in chunks for piece in chunk.chunks]
    return pa.chunked_array(whole, type=empty.type), reason


def _runs(chunk: pa.RunEndEncodedArray) -> tuple[pa.Array, pa.Array]:
    ends = chunk.run_ends.to_numpy()
    cells = np.arange(chunk.offset, chunk.offset + len(chunk))
    return chunk.values, pa.array(np.searchsorted(ends, cells, side="right"))


def _of_extension(raw: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str | None]:
    kind = raw.type
    stored = pa.chunked_array([chunk.storage for chunk in raw.chunks], type=kind.storage_type)
    if kind.extension_name == "arrow.uuid":
        cells = [
            None if cell is None else str(uuid.UUID(bytes=cell)) for cell in stored.to_pylist()
        ]
        return _words(cells), None
    if kind.extension_name == "arrow.bool8":
        return pc.not_equal(stored, pa.scalar(0, stored.type)), None
    return _plain(stored)


def _seconds(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """A duration as seconds, as decimals, so that no tick is lost."""
    digits = _UNITS[raw.type.unit]
    tick = pa.scalar(decimal.Decimal(1).scaleb(-digits), pa.decimal128(digits + 1, digits))
    return pc.multiply(raw.cast(pa.int64()).cast(pa.decimal128(19, 0)), tick)


def _words(cells: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(cells, type=pa.large_string())])


def _digests(raw: pa.ChunkedArray) -> list[str | None]:
    try:
        cells = raw.to_pylist()
    except _UNREADABLE:
        return [_digest_of_layout(chunk, row) for chunk in raw.chunks for row in range(len(chunk))]
    return [None if cell is None else _digest(cell) for cell in cells]


def _digest(cell: object) -> str:
    data = cell if isinstance(cell, bytes) else repr(cell).encode("utf-8", "backslashreplace")
    return hashlib.sha256(data).hexdigest()


def _digest_of_layout(chunk: pa.Array, row: int) -> str | None:
    """The digest of a cell that Python has no value for: of its bytes, laid out anew."""
    if chunk.is_null()[row].as_py():
        return None
    cell = pa.concat_arrays([chunk.slice(row, 1)])
    batch = pa.record_batch([cell], names=["cell"])
    return hashlib.sha256(batch.serialize().to_pybytes()).hexdigest()
