"""How is a row named, so that correcting its label keeps its name?

Guarantees: the key depends on the typed values of the key columns alone, whatever their order in
the file, and on how many equal rows stand before it; it does not depend on the label.

Canonical values: a number is its IEEE 754 double, little-endian, with -0.0 as 0.0, so that 1 and
1.0 are one value (whole numbers beyond 2**53, and decimals that no double holds, keep all their
digits); words are the first 16 bytes of the SHA-256 of their UTF-8; a time is its microseconds
since 1970 in UTC, or its nanoseconds where it has any; a missing cell is its own value. The key is
32 hex digits of the SHA-256 of the row's values, key columns sorted by name, followed by `-` and
the occurrence number, counted from 0 in file order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.ingestion.cells import TypedColumn

_CELL = np.dtype([("tag", "S1"), ("value", "V16")])
_EXACT_WHOLE = 2**53
_LARGEST_SIGNED = 2**63 - 1


def hashed_keys(columns: Sequence[TypedColumn], rows: int) -> pd.Series:
    """`<hash>-<occurrence>` for each row, from the values of `columns`."""
    ordered = sorted(columns, key=lambda column: column.name)
    cells = np.zeros((rows, len(ordered)), dtype=_CELL)
    for position, column in enumerate(ordered):
        tags, values = _canonical(column)
        cells["tag"][:, position] = tags
        cells["value"][:, position] = values
    width = cells.dtype.itemsize * len(ordered)
    data = memoryview(cells.tobytes())
    digests = [
        hashlib.sha256(data[row * width : (row + 1) * width]).hexdigest()[:32]
        for row in range(rows)
    ]
    hashes = pd.Series(digests, dtype="str")
    occurrence = hashes.groupby(hashes, sort=False).cumcount()
    return hashes + "-" + occurrence.astype("str")


def _canonical(column: TypedColumn) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.void]]:
    """A one-byte tag and sixteen bytes of value per cell."""
    values = column.values
    missing = np.asarray(values.is_null().to_numpy(), dtype=np.bool_)
    out = np.zeros(len(values), dtype="V16")
    lanes = out.view("<i8").reshape(-1, 2)
    tags = np.full(len(values), b"s", dtype="S1")
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        lanes[:, 0], tags[:] = _doubles(values), b"n"
        if pa.types.is_integer(values.type):
            whole = values.fill_null(0).to_numpy()
            large = (whole > _EXACT_WHOLE) | (whole < -_EXACT_WHOLE)
            lanes[large, 0] = whole[large].view("<i8")
            tags[large] = b"i"
            tags[whole > _LARGEST_SIGNED] = b"u"
    elif pa.types.is_timestamp(values.type):
        lanes[:, 0], tags[:] = values.cast(pa.int64()).fill_null(0).to_numpy(), b"t"
    else:
        out[:] = _hashed_words(values)
    if column.exact is not None:
        longer = np.asarray(column.exact.is_valid().to_numpy(), dtype=np.bool_)
        out[longer], tags[longer] = _hashed_words(column.exact)[longer], b"d"
    tags[missing] = b""
    lanes[missing] = 0
    return tags, out


def _hashed_words(words: pa.ChunkedArray) -> npt.NDArray[np.void]:
    """The first 16 bytes of each word's SHA-256; those of a missing cell are of no meaning."""
    coded = words.combine_chunks().dictionary_encode()
    table = [hashlib.sha256(word.encode()).digest()[:16] for word in coded.dictionary.to_pylist()]
    if not table:
        return np.zeros(len(words), dtype="V16")
    codes = coded.indices.fill_null(0).to_numpy()
    hashed: npt.NDArray[np.void] = np.frombuffer(b"".join(table), dtype="V16")[codes]
    return hashed


def _doubles(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    floats = values.cast(pa.float64(), safe=False).to_numpy().astype("<f8")
    floats = floats + 0.0  # -0.0 becomes 0.0
    lanes: npt.NDArray[np.int64] = np.nan_to_num(floats).view("<i8")
    return lanes
