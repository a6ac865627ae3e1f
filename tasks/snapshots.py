"""Tables on disk that are whole or not there at all, and the ledger of rows between steps.

Guarantees: a snapshot appears under its name only when all of its bytes are on the disk (temporary
file, fsync, rename); a full disk leaves nothing behind; reading gives back the index, the dtypes
and every cell.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.atomic import replaced
from tasks.errors import UnavailableError
from tasks.fingerprints import fingerprint_frame

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Snapshot:
    """A reference to a table that tasks pass instead of the table.

    `fingerprint` is the table's total fingerprint, index included; `schema` maps each column to
    its pandas dtype.
    """

    uri: str
    fingerprint: str
    rows: int
    schema: Mapping[str, str]


@dataclass(frozen=True)
class RowLedger:
    """Rows into a step, rows out of it, and rows set aside by reason."""

    step: str
    rows_in: int
    rows_out: int
    quarantined: Mapping[str, int]

    @property
    def balances(self) -> bool:
        """Whether every row that came in went out or was set aside."""
        return self.rows_in == self.rows_out + sum(self.quarantined.values())

    def to_facts(self) -> dict[str, Any]:
        """A JSON value."""
        return {
            "step": self.step,
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "quarantined": dict(self.quarantined),
        }


def write_snapshot(frame: pd.DataFrame, path: Path) -> Snapshot:
    """Write a frame with its index as Parquet (zstd), replacing what stands at `path` at once.

    Raises UnavailableError when the disk is full or the folder cannot be written.
    """
    try:
        with replaced(path, durable=True) as part, part.open("wb") as file:
            table = pa.Table.from_pandas(frame, preserve_index=True)
            pq.write_table(table, file, compression="zstd")
    except OSError as failure:
        raise UnavailableError(_explain(failure, path)) from failure
    return Snapshot(
        uri=str(path),
        fingerprint=fingerprint_frame(frame).total,
        rows=len(frame),
        schema={str(name): str(dtype) for name, dtype in frame.dtypes.items()},
    )


def read_snapshot(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The frame that `write_snapshot` wrote; with `columns` only those, and the index.

    Raises UnavailableError when the file is missing or is not a whole Parquet file.
    """
    try:
        frame: pd.DataFrame = pq.read_table(
            path, columns=columns, use_pandas_metadata=columns is not None
        ).to_pandas()
    except FileNotFoundError:
        raise UnavailableError(f"no snapshot at {path}; run the project again to make it") from None
    except (OSError, pa.ArrowInvalid) as failure:
        raise UnavailableError(
            f"the snapshot {path} cannot be read ({failure}); delete it and run the project again"
        ) from failure
    return frame


def with_doubles(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame for computing: whole numbers beside missing cells as float64, NaN where missing.

    Kept as they are they hold every digit, which keys and fingerprints need and models do not.
    """
    nullable = [
        name
        for name, dtype in frame.dtypes.items()
        if isinstance(dtype, pd.Int64Dtype | pd.UInt64Dtype)
    ]
    return frame.astype(dict.fromkeys(nullable, "float64")) if nullable else frame


def _explain(failure: OSError, path: Path) -> str:
    if failure.errno in _FULL:
        free = _free_bytes(path.parent)
        return (
            f"the disk is full: {path} could not be written, {free:,} bytes are free; "
            "free some space or set ASSAYLINE_HOME to another disk, and run again"
        )
    return (
        f"{path} could not be written ({failure.strerror or failure}); "
        "make its folder writable or set ASSAYLINE_HOME to another one, and run again"
    )


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
