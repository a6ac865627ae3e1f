"""One hash for the values of a row, the same however the table is stored.

Guarantees: the order of columns and rows, the width of a column's type and its being read as
numbers or as words of digits change no hash; missing is a value of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

DIGITS = 16


def value_hashes(rows: pd.DataFrame, names: Sequence[str], numeric: Collection[str]) -> pd.Series:
    """Of the values of each row in the columns `names`, in order of their names: 16 hex digits.

    Numbers (the columns of `numeric`) are IEEE 754 doubles without a negative zero; of other
    columns, words are told by their SHA-256, and a whole number is the word of its digits, so that
    a column of codes may be read as numbers or as words. Missing is its own value.
    """
    names = sorted(names)
    cells = np.zeros((len(rows), 2 * len(names)), dtype="<i8")
    for place, name in enumerate(names):
        missing = rows[name].isna().to_numpy(dtype=bool)
        values = _numbers(rows[name]) if name in numeric else _words(rows[name])
        cells[:, 2 * place] = missing
        cells[:, 2 * place + 1] = np.where(missing, 0, values)
    data, width = memoryview(cells.tobytes()), cells.dtype.itemsize * cells.shape[1]
    digests = [
        hashlib.sha256(data[row * width : (row + 1) * width]).hexdigest()[:DIGITS]
        for row in range(len(rows))
    ]
    return pd.Series(digests, index=rows.index, dtype="str")


def _numbers(values: pd.Series) -> npt.NDArray[np.int64]:
    doubles = values.to_numpy(dtype="<f8", na_value=np.nan) + 0.0  # -0.0 becomes 0.0
    bits: npt.NDArray[np.int64] = doubles.view("<i8")
    return bits


def _words(values: pd.Series) -> npt.NDArray[np.int64]:
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    digests = [hashlib.sha256(_word(value).encode()).digest()[:8] for value in distinct.tolist()]
    table = np.frombuffer(b"".join(digests), dtype="<i8")
    return table[codes] if len(table) else np.zeros(0, dtype="<i8")


def _word(value: object) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]
