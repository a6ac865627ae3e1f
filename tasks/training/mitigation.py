"""Weights of train rows that make the label tell less about the group.

Kamiran and Calders, "Data preprocessing techniques for classification without discrimination"
(Knowledge and Information Systems 33 (2012) 1): a row of group g with label y weighs

    w(g, y) = P(g) P(y) / P(g, y)

so that label and group are independent among the weighted rows. A `strength` s other than 1 uses
w(g, y) ** s. Over 1 it leans the other way, which is of use where the column is no feature: the
model then knows the groups by their proxies alone, and weights that would be enough for a model
that sees the column move it little. Moving along one multiplier is the grid search of Agarwal and
others ("A reductions approach to fair classification", ICML 2018, section 3.4) without the
relabelling. Fairlearn's ExponentiatedGradient is no option here: it draws one of several models at
random for every row, so that the same application may be answered differently twice.

Guarantees: computed on the rows given (train) alone; a missing value is a group of its own; each
class weighs in total what it weighed before, so that class weights mean the same; with weights of
rows that hold already (suspected labels) the probabilities are those of the weighted rows, and
independence holds for the product of both. Class weights depend on the label alone and keep it.

Not possible: a group that has one class only, since there is no row of the other to weigh more;
`Reweighing.empty` names such cells. The groups of the model's users are never looked at: at
prediction every row is treated by its features alone, with one threshold for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.checks import Table
from tasks.conditions import nearest_column
from tasks.errors import ProjectFileError
from tasks.project.fields import SliceSpec
from tasks.slices import slice_masks

OTHERS = "(others)"
"""The groups beyond those that a slice of the column would keep, together."""


@dataclass(frozen=True, kw_only=True)
class Reweighing:
    """Weights by group and class; arrays of groups by classes.

    `rows` counts the rows of a cell, `cells` holds its weight (NaN without a row), `weights` that
    of each row in the order given.
    """

    columns: tuple[str, ...]
    strength: float
    groups: tuple[str, ...]
    classes: tuple[str, ...]
    rows: NDArray[np.int64]
    cells: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def empty(self) -> tuple[str, ...]:
        """The cells without a row, as `<group>: <class>`."""
        places = zip(*np.nonzero(self.rows == 0), strict=True)
        return tuple(f"{self.groups[g]}: {self.classes[y]}" for g, y in places)

    @property
    def effective_rows(self) -> float:
        """As how many rows of equal weight they count (Kish): a loss is paid in certainty."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())


def reweigh(
    frame: pd.DataFrame,
    labels: pd.Series,
    columns: Sequence[str],
    strength: float = 1.0,
    held: NDArray[np.float64] | None = None,
) -> Reweighing:
    """Weigh the rows of `frame` by the groups of `columns` (several are crossed) and `labels`.

    A numeric column with many values is cut at its quartiles, as slices are. `held` are positive
    weights that the rows have already; the result is to be multiplied by them.

    Raises ProjectFileError for a column that the data do not have, or that is the label itself.
    """
    for column in columns:
        if column not in frame.columns:
            raise ProjectFileError(
                f"rows cannot be reweighed by '{column}'{nearest_column(column, frame)}"
            )
        if column == labels.name:
            raise ProjectFileError(
                f"rows cannot be reweighed by '{column}', which is the target: name the column "
                "that holds the groups"
            )
    groups, group = _groups(frame, columns)
    label, names = pd.factorize(labels, sort=True)
    shape = (len(groups), len(names))
    place = group * len(names) + label
    mass = np.ones(len(frame)) if held is None else held
    joint = _sums(place, mass, shape)
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True) / mass.sum()
    filled = joint > 0
    cells = np.full(shape, np.nan)
    cells[filled] = (expected[filled] / joint[filled]) ** strength
    kept = joint.sum(axis=0) / np.nansum(cells * joint, axis=0)
    cells = cells * kept
    return Reweighing(
        columns=tuple(columns),
        strength=strength,
        groups=groups,
        classes=tuple(str(name) for name in names),
        rows=_sums(place, np.ones(len(frame)), shape).astype(np.int64),
        cells=cells,
        weights=cells.ravel()[place],
    )


def reweighing_table(found: Reweighing) -> Table:
    """A row a group and class: how many train rows it has and what each weighs."""
    rows = [
        (group, name, int(found.rows[g, y]), float(found.cells[g, y]))
        for g, group in enumerate(found.groups)
        for y, name in enumerate(found.classes)
    ]
    note = (
        f"Strength {found.strength:g}: at 1, group and label are independent among the weighted "
        f"rows. The {len(found.weights):,} rows count as {found.effective_rows:,.0f} of equal "
        "weight."
    )
    if found.empty:
        note += (
            f" Without a train row, so that nothing can be weighed: {', '.join(found.empty[:5])}."
        )
    return Table(
        title="Weights of train rows by group and class",
        frame=pd.DataFrame(rows, columns=["group", "class", "n", "weight"]),
        note=note,
    )


def _groups(
    frame: pd.DataFrame, columns: Sequence[str]
) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Names of the groups, and each row's place among them."""
    codes = np.full(len(frame), -1, dtype=np.intp)
    names: list[str] = []
    for name, mask in slice_masks(SliceSpec(columns=tuple(columns)), frame):
        codes[mask] = len(names)
        names.append(name)
    if (codes < 0).any():
        codes[codes < 0] = len(names)
        names.append(OTHERS)
    return tuple(names), codes


def _sums(
    place: NDArray[np.intp], mass: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    sums = np.bincount(place, weights=mass, minlength=shape[0] * shape[1])
    return sums.astype(np.float64).reshape(shape)
