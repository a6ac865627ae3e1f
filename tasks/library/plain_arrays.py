"""Labels and predictions as a notebook holds them, in the form that the metrics take.

Guarantees: rows are matched by their place, never by an index; what cannot be meant is refused by
a sentence that names the argument and both values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from tasks.estimators.fitting import as_predictions
from tasks.labels.ratings import as_labels

_MOST_NAMED = 5
Settings = TypeVar("Settings", bound=BaseModel)


def as_column(values: Any, name: str) -> pd.Series:
    """One-dimensional values; the index of a Series is kept. Raises ValueError."""
    if isinstance(values, pd.Series):
        return values
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions, and one value a row is needed")
    # An array of words would make a word of what is missing.
    return pd.Series(list(values) if isinstance(values, list | tuple) else array)


def same_length(**named: Any) -> None:
    """Raises ValueError where there is no row, or two arguments have not one value for each."""
    sizes = {name: len(values) for name, values in named.items() if values is not None}
    (first, size), *others = sizes.items()
    if not size:
        raise ValueError(f"{first} has no rows, and nothing can be said of none")
    for name, other in others:
        if other != size:
            raise ValueError(f"{first} has {size} rows and {name} has {other}; give the same rows")


def plain_labels(values: Any, name: str, index: pd.Index | None = None) -> pd.Series:
    """Labels as words (whole numbers without a point, `true` and `false`), none missing.

    `index` replaces that of the values. Raises ValueError.
    """
    labels = as_labels(as_column(values, name))
    if index is not None:
        labels.index = index
    missing = int(labels.isna().sum())
    if missing:
        raise ValueError(f"{missing} of {len(labels)} values of {name} are missing; leave them out")
    return labels


def plain_units(values: Any, index: pd.Index) -> pd.Series | None:
    """Which rows belong together, as words, called as `index`; None: each stands alone.

    Raises ValueError where one is missing.
    """
    if values is None:
        return None
    return plain_labels(values, "units", index)


def plain_settings(section: type[Settings], **values: Any) -> Settings:
    """A section of the project file from arguments. Raises ValueError, which names the first."""
    try:
        return section(**values)
    except ValidationError as failure:
        error = failure.errors()[0]
        name = next((str(one) for one in reversed(error["loc"]) if isinstance(one, str)), "value")
        reason = error["msg"][:1].lower() + error["msg"][1:]
        raise ValueError(f"{name} is {error['input']!r}: {reason}") from None


def plain_numbers(values: Any, name: str, index: pd.Index | None = None) -> pd.Series:
    """Finite numbers as float64. Raises ValueError."""
    column = as_column(values, name)
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    wrong = ~np.isfinite(numbers.to_numpy())
    if wrong.any():
        first = column[wrong].tolist()[0]
        raise ValueError(f"{name} holds {first!r}, which is no finite number")
    return numbers if index is None else numbers.set_axis(index)


def plain_predictions(
    values: Any, name: str, index: pd.Index, positive_class: str | None = None
) -> pd.DataFrame:
    """Predictions as the stages have them: `predicted`, and `p:<class>` where there are any.

    `values` is the predicted label of each row, or a frame of probabilities with a column a class:
    then the most probable class is predicted, of two classes the positive one from one half on.
    Raises ValueError.
    """
    if not isinstance(values, pd.DataFrame):
        return pd.DataFrame({"predicted": plain_labels(values, name, index)})
    matrix = probability_matrix(values, name)
    classes = [str(one) for one in values.columns]
    half = 0.5 if len(classes) == 2 and positive_class in classes else None
    return as_predictions(matrix, classes, index, positive_class, half)


def probability_matrix(values: Any, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Rows by classes, each row a distribution. Raises ValueError."""
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"{name} has {matrix.ndim} dimensions; give rows by classes")
    outside = ~((matrix >= 0) & (matrix <= 1)).all(axis=1)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise ValueError(f"row {row} of {name} is {matrix[row]}; probabilities are 0 to 1")
    off = np.abs(matrix.sum(axis=1) - 1) > 1e-3
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise ValueError(f"row {row} of {name} adds up to {matrix[row].sum():.4g}, and 1 is needed")
    return matrix


def known_class(name: str | None, classes: Sequence[str], argument: str) -> None:
    """Raises ValueError where the class is none of those that occur."""
    if name is not None and name not in classes:
        listed = ", ".join(classes[:_MOST_NAMED])
        raise ValueError(f"{argument} is '{name}', and the labels are {listed}")


def row_names(count: int) -> pd.Index:
    """Names of rows by their place, in order also as words."""
    width = len(str(count))
    return pd.Index([f"{place:0{width}d}" for place in range(count)], dtype="str", name="row_key")
