"""Functions on labels: which are hard to believe, which contradict each other, who agrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.labels.agreement import Agreement
from tasks.labels.agreement import measure_agreement as _measure_agreement
from tasks.labels.conflicts import compare_features
from tasks.labels.probabilities import LabelProbabilities
from tasks.labels.probabilities import label_probabilities as _label_probabilities
from tasks.labels.ratings import as_labels, wide_ratings
from tasks.labels.stage import label_quality
from tasks.library.plain_arrays import (
    known_class,
    plain_labels,
    plain_numbers,
    probability_matrix,
    row_names,
    same_length,
)
from tasks.library.plain_tables import as_given, plain_table, with_features
from tasks.project.dataset import Dataset
from tasks.project.roles import Roles


def label_probabilities(
    frame: pd.DataFrame, target: str | Roles, *, folds: int = 5, seed: int = 0
) -> pd.DataFrame:
    """How probable each class is for each row, by models that have not seen the row.

    The mean of two calibrated families of models (linear and trees), out of fold: what
    `find_label_issues` needs. Copies of one row, and rows that share the `group` of
    `Roles`, are in one fold.

    Returns rows by classes, indexed as `frame` without the rows that have no target; each row adds
    up to 1. A class with fewer than three independent rows has no column. With more than 20,000
    rows each model learns from a sample of so many, drawn by `seed`; all rows are scored.

    Raises ValueError for a table that cannot be meant, or with fewer than two classes of three
    rows. Not for a target that is a number.

    >>> import assayline, pandas as pd
    >>> table = pd.DataFrame({"x": [n % 10 + 40 * (n >= 30) for n in range(60)],
    ...                       "y": ["low"] * 30 + ["high"] * 30})
    >>> assayline.label_probabilities(table, "y").round(1).iloc[[0, -1]].to_dict("records")
    [{'high': 0.0, 'low': 1.0}, {'high': 1.0, 'low': 0.0}]
    """
    table = with_features(plain_table(frame, target, seed, labels={"folds": folds}))
    if table.roles.regression:
        raise ValueError("the target is a number, and probabilities are of classes")
    found = _label_probabilities(Dataset(table.frame, table.split, table.roles), table.project)
    if found.matrix is None:
        raise ValueError(f"no probabilities can be had: {found.reason}")
    return pd.DataFrame(found.matrix, index=table.index, columns=list(found.classes))


def find_label_issues(
    labels: Any, probabilities: Any, *, classes: Sequence[str] | None = None
) -> pd.DataFrame:
    """Which labels a model that has not seen the row finds hard to believe.

    Confident learning (Northcutt, Jiang and Chuang, JAIR 70 (2021)): a label is an issue where
    another class is more probable than it, and more probable than that class is on average among
    the rows that are labelled so. An issue is a suspect for a person to look at, no proven error.

    `labels` is one label a row, `probabilities` rows by classes from models that have not seen the
    row (`label_probabilities`, or your own out of fold), in the same order; `classes` names its
    columns where it is no frame. Returned, in the order and with the index of the labels: label,
    likely_label, quality (the probability of the label, in [0, 1], low is bad) and issue. A label
    that no column is of is not judged: its quality is NaN.

    Raises ValueError where rows or columns do not match or a row is no distribution. Not for
    probabilities of a model that has learned from the same rows: it believes any label.

    >>> import assayline
    >>> labels = ["cat", "cat", "dog", "dog", "dog"]
    >>> p = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.9, 0.1]]
    >>> found = assayline.find_label_issues(labels, p, classes=["cat", "dog"])
    >>> found[found["issue"]].to_dict("index")
    {4: {'label': 'dog', 'likely_label': 'cat', 'quality': 0.1, 'issue': True}}
    """
    given = plain_labels(labels, "labels")
    matrix = probability_matrix(probabilities, "probabilities")
    same_length(labels=given, probabilities=matrix)
    if classes is None and not isinstance(probabilities, pd.DataFrame):
        raise ValueError("probabilities is no frame with a column a class; name them in classes")
    names = tuple(map(str, probabilities.columns if classes is None else classes))
    if len(names) != matrix.shape[1]:
        raise ValueError(f"{len(names)} classes are named, and there are {matrix.shape[1]} columns")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"the class '{twice[0]}' is named twice; name each column differently")
    keyed = given.set_axis(row_names(len(given)))
    sides = pd.Series("train", index=keyed.index)
    known = LabelProbabilities(classes=names, matrix=matrix)
    found = label_quality(keyed, sides, known).set_axis(given.index)
    return found[["label", "likely_label", "quality", "issue"]]


def find_conflicts(
    frame: pd.DataFrame,
    target: str | Roles,
    *,
    tolerance: float = 0.001,
    similarity: float = 0.9,
) -> pd.DataFrame:
    """Rows that are equal, or nearly equal, and have different labels: at least one is wrong.

    Nearly equal: every number within `tolerance` standard deviations of its column, the same
    categories and missing cells, and texts that share at least the share `similarity` (0.5 to 1; 1
    asks for the same words) of their character 5-grams.

    Returned are the rows in conflict by their index, the largest groups first: group (a number),
    kind (`equal` or `nearly equal`), label. No row: no conflict. Not for a target that is a number;
    and where features leave out what tells rows apart, a conflict says so and not that a label is
    wrong.

    Raises ValueError for a table that cannot be meant.

    >>> import assayline, pandas as pd
    >>> table = pd.DataFrame({"colour": ["red", "red", "blue"], "size": [1.0, 1.0, 2.0],
    ...                       "label": ["apple", "cherry", "plum"]})
    >>> assayline.find_conflicts(table, "label")
       group   kind   label
    0      1  equal   apple
    1      1  equal  cherry
    """
    if not 0 <= tolerance < np.inf:
        raise ValueError(f"tolerance is {tolerance}, and it is 0 or more standard deviations")
    if not 0.5 <= similarity <= 1:
        raise ValueError(f"similarity is {similarity}, and it is a share from 0.5 to 1")
    table = with_features(plain_table(frame, target))
    if table.roles.regression:
        raise ValueError("the target is a number, and conflicts are of classes")
    labels = table.roles.labels(table.frame)
    codes = pd.factorize(labels, sort=True)[0].astype(np.int64)
    every = np.ones(len(codes), dtype=bool)
    vectors = compare_features(table.frame, table.roles, tolerance, similarity)
    equal = vectors.equal_conflicts(codes, every)
    near = vectors.near_conflicts(codes, every) & ~equal
    chain = np.where(equal, vectors.of_row, -1 - vectors.near_groups(codes, every))
    found = pd.DataFrame({"chain": chain, "label": labels})[equal | near]
    found["kind"] = np.where(found["chain"] < 0, "nearly equal", "equal")
    found["size"] = found.groupby("chain")["chain"].transform("size")
    found["first"] = found.groupby("chain")["chain"].transform(lambda one: one.index[0])
    found = found.sort_values(["size", "first"], ascending=[False, True], kind="stable")
    found["group"] = pd.factorize(found["chain"])[0] + 1
    given: pd.DataFrame = as_given(table, found[["group", "kind", "label"]])
    return given


def measure_agreement(
    ratings: pd.DataFrame,
    *,
    scale: Literal["nominal", "ordinal", "interval"] = "nominal",
    order: Sequence[str] | None = None,
    units: Any = None,
    seed: int = 0,
) -> Agreement:
    """How far several people agree on the same items, beyond what chance would give.

    `ratings` has a row an item and a column a person, missing where somebody gave no label. Given
    are Krippendorff's `alpha` (2011; 1 is full agreement, 0 is chance, below 0 is worse), `percent`
    (the share of agreeing pairs of labels), Fleiss' kappa `fleiss` (1971; None where items have
    different numbers of labels), each with its 95 % interval from resampled items, and `by_class`.

    `scale` says what two labels are apart: anything (`nominal`), steps (`ordinal`, with the classes
    from the lowest in `order`), or a distance (`interval`, for numbers). `units` names what items
    are no independent evidence of each other. Items with fewer than two labels count nothing; alpha
    is NaN where all labels are the same.

    Raises ValueError for fewer than two columns, or a label that the scale has no place for.

    >>> import assayline, pandas as pd
    >>> people = pd.DataFrame({"ann": ["a", "a", "b", "b"], "bo": ["a", "a", "b", "a"]})
    >>> found = assayline.measure_agreement(people)
    >>> found.items, round(found.percent.value, 2), round(found.alpha.value, 3)
    (4, 0.75, 0.533)
    """
    if not isinstance(ratings, pd.DataFrame) or ratings.shape[1] < 2:
        raise ValueError("ratings are not a frame with a column for each of two people or more")
    if scale == "ordinal" and order is None:
        raise ValueError("scale 'ordinal' needs the classes from the lowest in order")
    people = [str(name) for name in ratings.columns]
    table = ratings.set_axis(people, axis=1)
    same_length(ratings=ratings, units=units)
    if scale == "interval":
        for name in people:
            plain_numbers(table[name].dropna(), f"{name} of ratings")
    given = sorted({str(one) for name in people for one in as_labels(table[name]).dropna()})
    names = None if scale == "interval" else tuple(given if order is None else map(str, order))
    found, outside = wide_ratings(table, people, names)
    if len(outside):
        known_class(str(outside.index[0]), found.classes, "a rating")
        raise ValueError(f"'{outside.index[0]}' is no label of the scale")
    codes = None
    if units is not None:
        codes = pd.factorize(plain_labels(units, "units"))[0].astype(np.int64)
    return _measure_agreement(found.votes(), found.classes, seed, scale, units=codes)
