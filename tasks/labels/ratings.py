"""Who gave which item which label: one form for every way in which ratings arrive.

Guarantees: a missing label is no label; an annotator has at most one label an item (what is said
twice is kept apart, as evidence of self-consistency); anonymous raters have no identity, and
nothing downstream can make one up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Votes = NDArray[np.int64]
"""Number of labels of each item (row) for each class (column)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeats:
    """Labels that one annotator gave one item more than once, in parallel arrays.

    `pair` numbers the annotator and item, `annotator` and `label` are positions.
    """

    pair: Codes
    annotator: Codes
    label: Codes


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratings:
    """Labels in parallel arrays, sorted by item.

    `item` is a position among `items` rows, `label` one in `classes`, `annotator` one in
    `annotators`, or None where raters are anonymous.
    """

    item: Codes
    label: Codes
    annotator: Codes | None
    items: int
    classes: tuple[str, ...]
    annotators: tuple[str, ...] = ()
    repeats: Repeats | None = None

    def votes(self) -> Votes:
        """Items by classes."""
        width = max(len(self.classes), 1)
        cells = self.item * width + self.label
        counts = np.bincount(cells, minlength=self.items * width).reshape(self.items, width)
        return counts[:, : len(self.classes)].astype(np.int64, copy=False)


def as_labels(column: pd.Series) -> pd.Series:
    """Labels as strings, NaN where missing; whole numbers without a point, `true` and `false`."""
    if pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        column = column.map({True: "true", False: "false"})
    if pd.api.types.is_float_dtype(column):
        present = column.dropna()
        if (present == present.round()).all():
            column = column.astype("Int64")
    missing = column.isna()
    return column.astype("str").where(~missing).astype("str")


def wide_ratings(
    frame: pd.DataFrame,
    annotators: Sequence[str],
    classes: Sequence[str] | None = None,
    *,
    anonymous: bool = False,
) -> tuple[Ratings, pd.Series]:
    """Ratings from one column an annotator, and how often each other label occurs.

    `classes` gives the labels that count, in order; None: every number, from the lowest.
    """
    columns = [as_labels(frame[name]) for name in annotators]
    if classes is None:
        columns = [as_numbers(column) for column in columns]
    names = tuple(classes) if classes is not None else numbers_among(columns)
    codes = np.column_stack([find_classes(column, names) for column in columns])
    item, annotator = np.nonzero(codes >= 0)
    ratings = Ratings(
        item=item.astype(np.int64),
        label=codes[item, annotator].astype(np.int64),
        annotator=None if anonymous else annotator.astype(np.int64),
        items=len(frame),
        classes=names,
        annotators=() if anonymous else tuple(annotators),
    )
    given = pd.concat(columns)
    outside = (codes < 0).ravel(order="F") & given.notna().to_numpy()
    return ratings, given[outside].value_counts()


def find_classes(labels: pd.Series, classes: Sequence[str]) -> Codes:
    """The position of each label among `classes`, -1 where it is none of them.

    A label that is written otherwise is the class that means the same number or truth value:
    `1.0` is `1`, and `True` is `true`, unless two classes mean the same.
    """
    found = pd.Index(list(classes), dtype="str").get_indexer(pd.Index(labels)).astype(np.int64)
    meant = pd.Index([_meaning(name) for name in classes], dtype="str")
    if meant.is_unique:
        unknown = (found < 0) & labels.notna().to_numpy()
        others = {name: _meaning(str(name)) for name in labels[unknown].unique()}
        found[unknown] = meant.get_indexer(pd.Index(labels[unknown].map(others), dtype="str"))
    return found


def _meaning(word: str) -> str:
    """The word itself, or one way to write its number or truth value; 01 is a name."""
    if word.lower() in ("true", "false"):
        return word.lower()
    if re.fullmatch(r"[-+]?(0|[1-9]\d{0,14})(\.\d*)?", word):
        return _written(float(word))
    return word


def _written(number: float) -> str:
    number = float(number)
    whole = number.is_integer() and abs(number) < 2**53
    return str(int(number)) if whole else repr(number)


def as_numbers(labels: pd.Series) -> pd.Series:
    """Labels of which each finite number is written in one way, also 01 and 1e3."""
    numbers = pd.to_numeric(labels, errors="coerce")
    finite = np.isfinite(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    return labels.mask(finite, numbers.map(_written, na_action="ignore").astype("str"))


def numbers_among(columns: Sequence[pd.Series]) -> tuple[str, ...]:
    """The labels that are finite numbers, from the lowest, each number once."""
    found = pd.Series(sorted({str(v) for c in columns for v in c.dropna().unique()}), dtype="str")
    numbers = pd.to_numeric(found, errors="coerce").to_numpy(dtype=np.float64)
    return tuple(_written(float(one)) for one in np.unique(numbers[np.isfinite(numbers)]))


def cast_once(ratings: Ratings, time: NDArray[np.float64] | None = None) -> Ratings:
    """The same ratings with one label an annotator and item; what was said twice in `repeats`.

    The latest label counts where `time` is given and one is the latest. Else the label that the
    annotator gave most often counts; somebody who contradicts himself evenly casts no vote. So
    the order of the file decides nothing.
    """
    if ratings.annotator is None:
        return ratings
    people = max(len(ratings.annotators), 1)
    pair = ratings.item * people + ratings.annotator
    order = np.lexsort((ratings.label, pair))
    size = np.unique(pair[order], return_counts=True)[1]
    if (size == 1).all():
        return ratings
    number = np.repeat(np.arange(len(size)), size)
    several = np.repeat(size > 1, size)
    again = order[several]
    single = order[~several]
    chosen = _last_word(
        number[several], ratings.label[again], None if time is None else time[again]
    )
    kept = np.sort(np.concatenate([single, again[chosen]]))
    kept = kept[np.argsort(ratings.item[kept], kind="stable")]
    return Ratings(
        item=ratings.item[kept],
        label=ratings.label[kept],
        annotator=ratings.annotator[kept],
        items=ratings.items,
        classes=ratings.classes,
        annotators=ratings.annotators,
        repeats=Repeats(
            pair=np.unique(number[several], return_inverse=True)[1].astype(np.int64),
            annotator=ratings.annotator[again],
            label=ratings.label[again],
        ),
    )


def _last_word(pair: Codes, label: Codes, time: NDArray[np.float64] | None) -> Codes:
    """Positions of one label a pair: the only one of the latest time, else the only mode."""
    frame = pd.DataFrame({"pair": pair, "label": label, "place": np.arange(len(pair))})
    if time is not None:
        frame["time"] = time
        frame = frame[frame["time"] == frame.groupby("pair")["time"].transform("max")]
    counted = frame.groupby(["pair", "label"], as_index=False).agg(
        times=("place", "size"), place=("place", "min")
    )
    most = counted[counted["times"] == counted.groupby("pair")["times"].transform("max")]
    alone = most[most.groupby("pair")["label"].transform("size") == 1]
    return alone["place"].to_numpy(dtype=np.int64)
