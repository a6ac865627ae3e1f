"""Which columns of numbers count or name their rows, and so measure nothing?

Guarantees: a continuous measurement, which differs from row to row as well, is none; a column that
the project declares as a feature stays one (see `role_resolution`).

A counter is a column of whole numbers that hardly ever repeat although they would by chance: of n
numbers between two ends R apart about n ** 2 / (2 R) repeat an earlier one, and more where they are
not spread evenly (the birthday problem). Or it is one whose numbers go up or down by the same step
from row to row.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tasks.ingestion.cells import TypedColumn

FEWEST_ROWS = 30
_EXPECTED_REPEATS = 20
_REPEATS_FOUND = 0.1
_MOSTLY_DIFFERENT = 0.9


def find_counters(columns: Mapping[str, TypedColumn]) -> dict[str, str]:
    """Why each column that counts or names the rows should be no feature."""
    found = {}
    for name, column in columns.items():
        if column.kind != "numeric":
            continue
        numbers = column.values.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
        known = numbers[np.isfinite(numbers)]
        if len(known) >= FEWEST_ROWS and is_counter(known):
            found[name] = (
                f"counts or names the rows: {len(np.unique(known)):,} different numbers from "
                f"{known.min():.15g} to {known.max():.15g} in {len(known):,} cells; name it in "
                "features.numeric to use it"
            )
    return found


def is_counter(known: NDArray[np.float64]) -> bool:
    """Whether the numbers, none missing and in the order of the file, are a counter's."""
    rows, distinct = len(known), len(np.unique(known))
    if distinct < _MOSTLY_DIFFERENT * rows:
        return False
    steps = np.diff(known)
    if distinct == rows and np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        return True
    if not np.array_equal(known, np.floor(known)):
        return False
    expected = rows**2 / (2 * (float(known.max() - known.min()) + 1))
    return expected >= _EXPECTED_REPEATS and rows - distinct <= _REPEATS_FOUND * expected
