"""Small changes of rows that leave their meaning as it is, and shifts of a column.

Guarantees: the same rows and seed give the same changes; the rows handed in stay as they are; a
change says in which rows a cell became another, so that rows that it did not touch are not counted.

* `noise`: each number moves by up to half of what its column can tell apart, which a rounded
  value leaves open (`resolution`).
* `missing`: cells are blanked at random.
* `case`, `spaces`: words in upper case (lower, where they are in upper case already), and with a
  space before and after.
* `typos`: in each text one word in ten, and at least one, of the words of four letters or more gets
  two letters swapped, one dropped or one doubled; its first letter stays. These are the edits that
  make up most of people's typing errors (Damerau, CACM 7 (1964) 171).
* `shifted`: a constant is added to one numeric column, which does change the meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.conditions import Mask

MAX_CODES = 10
"""A numeric column with no more different values holds codes or counts, which are exact."""
WORDS_PER_TYPO = 10

_MAX_DECIMALS = 12
_LARGEST_SCALED = 1e12
_ROUNDING = 16 * np.finfo(np.float64).eps
_WORD = re.compile(r"[^\W\d_]{4,}")

Draw = np.random.Generator


@dataclass(frozen=True)
class Changed:
    """The rows after a change, and which of them it touched."""

    rows: pd.DataFrame
    touched: Mask


def resolution(values: pd.Series) -> float | None:
    """The smallest difference that a numeric column can tell apart, read from its values.

    It is the largest step of which all differences between values are multiples: 0.01 for prices
    in cents, 5 for weights to the nearest 5 kg. None for a column of at most 10 different values
    (codes and counts are exact), and for one whose values show no rounding to 12 significant
    decimals: its precision cannot be read from it.
    """
    known = np.unique(values.to_numpy(dtype=float, na_value=np.nan))
    known = known[np.isfinite(known)]
    if len(known) <= MAX_CODES:
        return None
    for decimals in range(_MAX_DECIMALS + 1):
        scaled = known * 10.0**decimals
        if np.abs(scaled).max() > _LARGEST_SCALED:
            return None
        whole = np.round(scaled)
        if (np.abs(scaled - whole) <= _ROUNDING * np.abs(scaled)).all():
            step = int(np.gcd.reduce(np.diff(whole).astype(np.int64)))
            return float(step / 10.0**decimals)
    return None


def noise(rows: pd.DataFrame, resolutions: Mapping[str, float], draw: Draw) -> Changed:
    """Each number moved by a uniform draw of up to half its column's resolution, up or down."""
    changed, touched = rows.copy(), np.zeros(len(rows), dtype=bool)
    for column, step in resolutions.items():
        values = rows[column].astype("float64")
        changed[column] = values + step * draw.uniform(-0.5, 0.5, len(rows))
        touched |= values.notna().to_numpy()
    return Changed(changed, touched)


def missing(rows: pd.DataFrame, columns: Sequence[str], share: float, draw: Draw) -> Changed:
    """Each cell of the columns blanked with the probability `share`."""
    changed, touched = rows.copy(), np.zeros(len(rows), dtype=bool)
    for column in columns:
        values = rows[column]
        if pd.api.types.is_numeric_dtype(values):
            values = values.astype("float64")
        blanked = draw.random(len(rows)) < share
        changed[column] = values.mask(blanked)
        touched |= blanked & rows[column].notna().to_numpy()
    return Changed(changed, touched)


def other_case(rows: pd.DataFrame, columns: Sequence[str]) -> Changed:
    """Words in upper case; those in upper case in lower."""
    replaced = {}
    for column in columns:
        words = rows[column].astype("str")
        upper = words.str.upper()
        replaced[column] = upper.where(upper != words, words.str.lower())
    return _replaced(rows, replaced)


def surrounding_spaces(rows: pd.DataFrame, columns: Sequence[str]) -> Changed:
    """A space before and after each cell."""
    return _replaced(rows, {column: " " + rows[column].astype("str") + " " for column in columns})


def typos(rows: pd.DataFrame, columns: Sequence[str], draw: Draw) -> Changed:
    """Typing errors in each text (see the module)."""
    replaced = {}
    for column in columns:
        words = rows[column].astype("str")
        replaced[column] = words.map(lambda text: _mistyped(text, draw), na_action="ignore")
    return _replaced(rows, replaced)


def shifted(rows: pd.DataFrame, column: str, amount: float) -> Changed:
    """`amount` added to each number of the column."""
    values = rows[column].astype("float64")
    changed = rows.copy()
    changed[column] = values + amount
    return Changed(changed, values.notna().to_numpy())


def _replaced(rows: pd.DataFrame, columns: Mapping[str, pd.Series]) -> Changed:
    changed, touched = rows.copy(), np.zeros(len(rows), dtype=bool)
    for column, words in columns.items():
        old, new = rows[column].astype("str"), words.astype("str")
        touched |= (old.notna() & (new != old)).to_numpy(dtype=bool)
        changed[column] = new
    return Changed(changed, touched)


def _mistyped(text: str, draw: Draw) -> str:
    words = [match.span() for match in _WORD.finditer(text)]
    if not words:
        return text
    count = max(1, round(len(words) / WORDS_PER_TYPO))
    letters = list(text)
    for word in draw.choice(len(words), size=count, replace=False):
        start, end = words[int(word)]
        place = int(draw.integers(start + 1, end - 1))
        edit = int(draw.integers(3))
        here, after = letters[place], letters[place + 1]
        if edit == 0 and here != after:
            letters[place], letters[place + 1] = after, here
        elif edit == 1:
            letters[place] = here + here
        else:
            letters[place] = ""
    return "".join(letters)
