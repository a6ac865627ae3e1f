"""Fitting a pipeline and reading its predictions.

Guarantees: equal inputs give an equal model, whatever the number of cores; what is done about
rare classes is known and can be told.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import ThreadpoolController

from tasks.errors import ProjectFileError
from tasks.estimators.category_counts import fit_columns
from tasks.estimators.pipelines import feature_frame
from tasks.project.roles import Roles

SMALL_CELLS = 2_000_000
"""Up to this many cells (rows by columns) a model is fitted and scored in one thread."""

Outcomes = NDArray[np.str_] | NDArray[np.float64]
Handling = Literal["class_weight", "sample_weight", "none"]


def fit_pipeline(
    pipeline: Pipeline,
    features: pd.DataFrame,
    labels: pd.Series,
    *,
    class_weight: str,
    weights: NDArray[np.float64] | None = None,
) -> Pipeline:
    """Fit in place and return the pipeline; `features` is a `feature_frame`.

    With `class_weight` "balanced" every class weighs the same, as `imbalance_handling` tells.
    `weights` are those of the rows; None: all the same.
    """
    prepare, estimator = pipeline.named_steps["prepare"], pipeline.named_steps["estimator"]
    matrix = fit_columns(prepare, features)
    outcomes = as_outcomes(labels)
    fit_estimator(estimator, matrix, outcomes, class_weight=class_weight, weights=weights)
    for _, step, _ in prepare.transformers_:
        if isinstance(step, TfidfVectorizer):
            # NumPy integers would be stored as a file each
            step.vocabulary_ = {word: int(at) for word, at in sorted(step.vocabulary_.items())}
    return pipeline


def fit_estimator(
    estimator: Any,
    matrix: Any,
    outcomes: Outcomes,
    *,
    class_weight: str,
    weights: NDArray[np.float64] | None = None,
) -> None:
    """Fit the last step alone, on prepared features (rows by columns, dense or sparse).

    Raises ProjectFileError where rows have weights and the estimator takes none.
    """
    options: dict[str, Any] = {}
    if imbalance_handling(estimator, class_weight) == "sample_weight":
        options["sample_weight"] = compute_sample_weight("balanced", outcomes)
    if weights is not None:
        if not has_fit_parameter(estimator, "sample_weight"):
            raise ProjectFileError(
                f"{type(estimator).__name__} takes no weights of rows, which labels.suspects: "
                "weight and training.mitigate ask for; use leave_out in the first, or another "
                "estimator"
            )
        options["sample_weight"] = weights * options.get("sample_weight", 1.0)
    with few_threads(matrix.shape[0] * matrix.shape[1]):
        estimator.fit(matrix, outcomes, **options)
    bins = getattr(estimator, "_bin_mapper", None)
    if bins is not None:
        bins.n_threads = 1  # those of the fitting; scoring asks the machine anew
    _drop_recoding(estimator)


def _drop_recoding(estimator: Any) -> None:
    """Take out the copy of the encoder that histogram gradient boosting keeps for its categories.

    It maps codes that count from 0, as the preparation makes them, to themselves. Without it a row
    is scored in half the time, and the model holds no function (which is not on the list of types
    that are stored). Kept where the codes are others.
    """
    recoding = getattr(estimator, "_preprocessor", None)
    if recoding is None:
        return
    places = np.flatnonzero(estimator.is_categorical_)
    encoder = recoding.named_transformers_["encoder"]
    counted = all(
        np.array_equal(codes[~np.isnan(codes)], np.arange(np.count_nonzero(~np.isnan(codes))))
        for codes in encoder.categories_
    )
    if counted and np.array_equal(places, np.arange(len(places))):
        estimator._preprocessor = None


@contextmanager
def few_threads(cells: int) -> Iterator[None]:
    """One thread for the numerical libraries while there are at most `SMALL_CELLS` cells.

    The sums of floating-point numbers then have one order, whatever the machine. It is faster,
    too: on few cells threads wait for each other, and where others use the cores the wait was
    measured to be a hundred times the work.
    """
    limits = 1 if cells <= SMALL_CELLS else None
    with _thread_pools().limit(limits=limits):
        yield


def imbalance_handling(estimator: Any, class_weight: str) -> Handling:
    """What makes rare classes count: the estimator's own weights, weighted rows, or nothing."""
    if class_weight == "none" or is_regressor(estimator):
        return "none"
    if "class_weight" in estimator.get_params(deep=False):
        return "class_weight"
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else "none"


@contextmanager
def convergence_messages() -> Iterator[list[str]]:
    """Keep warnings from the terminal; the list yielded holds those of fits that did not converge.

    The list is filled when the block ends.
    """
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
    kept = (item for item in caught if issubclass(item.category, ConvergenceWarning))
    messages.extend(str(item.message).partition("\n")[0] for item in kept)


def as_outcomes(labels: pd.Series) -> Outcomes:
    """Labels as an array that is saved without pickled objects: fixed-width strings, or floats."""
    if pd.api.types.is_float_dtype(labels.dtype):
        return labels.to_numpy(dtype=np.float64)
    return np.asarray(labels.to_numpy(dtype=object), dtype=str)


def predict(
    model: Any,
    frame: pd.DataFrame,
    roles: Roles,
    threshold: float | None,
    interval: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Predictions for rows of `frame`: column `predicted` and one `p:<class>` per class, sorted.

    Two classes with a threshold: the positive class where its probability reaches the threshold.
    Otherwise the most probable class, the first in order where several are equal. Of a regression
    `predicted` is a number; with `interval`, what lies between its ends and the prediction, the
    ends are `low` and `high`.
    """
    features = feature_frame(frame, roles)
    if roles.regression:
        return _numbers(model, features, interval)
    classes = [str(name) for name in model.classes_]
    probabilities = np.zeros((0, len(classes)))  # which scikit-learn refuses to compute
    if len(features):
        with few_threads(features.size):
            probabilities = np.asarray(model.predict_proba(features), dtype=np.float64)
    return as_predictions(probabilities, classes, frame.index, roles.positive_class, threshold)


def _numbers(model: Any, features: pd.DataFrame, interval: Sequence[float] | None) -> pd.DataFrame:
    estimated = np.zeros(0)  # which scikit-learn refuses to compute
    if len(features):
        with few_threads(features.size):
            estimated = np.asarray(model.predict(features), dtype=np.float64).reshape(-1)
    columns = {"predicted": estimated}
    if interval is not None:
        columns |= {"low": estimated + interval[0], "high": estimated + interval[1]}
    return pd.DataFrame(columns, index=features.index)


def as_predictions(
    probabilities: NDArray[np.float64],
    classes: Sequence[str],
    index: pd.Index,
    positive_class: str | None,
    threshold: float | None,
) -> pd.DataFrame:
    """The predictions frame of a matrix of probabilities, rows by classes."""
    order = list(classes)
    names = np.asarray(order, dtype=object)
    if threshold is not None and len(order) == 2 and positive_class in order:
        position = order.index(positive_class)
        reached = probabilities[:, position] >= threshold
        predicted = np.where(reached, names[position], names[1 - position])
    else:
        predicted = names[probabilities.argmax(axis=1)]
    columns: dict[str, Any] = {"predicted": pd.Series(predicted, index=index, dtype="str")}
    for name in sorted(order):
        columns[f"p:{name}"] = probabilities[:, order.index(name)]
    return pd.DataFrame(columns, index=index)


@functools.cache
def _thread_pools() -> ThreadpoolController:
    """The numerical libraries' thread pools; to find them takes longer than to score a row."""
    return ThreadpoolController()
