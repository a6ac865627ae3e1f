"""What does the file hold under its compression, and is it a kind of file that can be read?

Guarantees: a compressed file is recognised by its first bytes, whatever its name, and gives what
was compressed; a file of a kind that is not read is told by its name and what to do.
"""

from __future__ import annotations

import lzma
import zlib

import pyarrow as pa

_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"\x04\x22\x4d\x18": "lz4",
}
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook; save the sheet as CSV",
    b"ARROW1": "an Arrow (Feather) file; save it as Parquet",
    b"FEA1": "a Feather file; save it as Parquet",
    b"ORC": "an ORC file; save it as Parquet",
    b"Obj\x01": "an Avro file; save it as Parquet",
    b"SQLite format 3\x00": "an SQLite database; export the table as CSV or Parquet",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"%PDF-": "a PDF; export the table as CSV",
    b"\x80\x04\x95": "a pickle, which is never opened; save the table as Parquet",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file; save the table as Parquet",
}
_LAYERS = 3


def unpacked(data: bytes) -> bytes:
    """The bytes without compression; ValueError, with a clause, where they are broken."""
    for _ in range(_LAYERS):
        method = next((name for start, name in _COMPRESSED.items() if data.startswith(start)), None)
        if method is None:
            return data
        try:
            data = lzma.decompress(data) if method == "xz" else _streamed(data, method)
        except (OSError, EOFError, lzma.LZMAError, zlib.error, pa.ArrowException) as failure:
            first = (str(failure).splitlines() or [type(failure).__name__])[0]
            raise ValueError(
                f"is compressed by {method} and cannot be unpacked ({first})"
            ) from None
    return data


def foreign_kind(data: bytes) -> str | None:
    """What the file is and what to do, where it is neither text nor Parquet."""
    return next((what for start, what in _FOREIGN.items() if data.startswith(start)), None)


def _streamed(data: bytes, method: str) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), method) as stream:
        whole: bytes = stream.read()
    return whole
