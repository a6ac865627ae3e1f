"""Many resamples of the same rows, and each metric's value in every one of them.

Guarantees: the same rows and seed give the same replicates; all metrics and models share them;
memory is bounded, because replicates are drawn and evaluated in blocks.

Rows that no metric tells apart are drawn together, by a multinomial: the same distribution as
drawing rows. Scores of many rows come in quantile bins (see `estimates` for what that costs).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.metrics.probabilities import calibration_bins, has_probabilities, probability_of
from tasks.metrics.ranking import Floats, Weights, quantile_bins
from tasks.metrics.values import SCORE_METRICS, weighted_metrics
from tasks.unit_draws import Units

BINNED_ROWS = 20_000
SCORE_BINS = 4096
_BLOCK_CELLS = 300_000


class Resamples:
    """How often each row counts in each replicate, in blocks of shape (replicates, rows)."""

    def __init__(self, *, replicates: int, seed: int, groups: pd.Series | None) -> None:
        self._replicates = replicates
        self._seed = seed
        self.groups = groups

    def of_rows(self, labels: pd.Series) -> Iterator[Weights]:
        """Draws of rows, or of whole groups."""
        rows = len(labels)
        units = np.arange(rows) if self.groups is None else _group_codes(self.groups, labels)
        count = int(units.max()) + 1 if rows else 0
        if count < 2:
            yield np.zeros((self._replicates, rows), dtype=np.int32)
            return
        generator = np.random.default_rng(self._seed)
        for size in _blocks(self._replicates, max(rows, count)):
            drawn = generator.integers(0, count, size=(size, count))
            drawn += np.arange(size)[:, None] * count
            counts = np.bincount(drawn.ravel(), minlength=size * count)
            weights = counts.reshape(size, count).astype(np.int32)
            yield weights if self.groups is None else np.take(weights, units, axis=1)

    def of_units(
        self, labels: pd.Series, pattern: npt.NDArray[np.int64], patterns: int
    ) -> Iterator[Weights]:
        """Draws of whole groups where only the pattern of a row matters."""
        groups = labels.index.to_series() if self.groups is None else self.groups
        codes = _group_codes(groups, labels)
        units = Units.of(pattern, patterns, codes.astype(np.int64))
        if int(units.times.sum()) < 2:
            yield np.zeros((self._replicates, patterns), dtype=np.int32)
            return
        generator = np.random.default_rng(self._seed)
        for drawn in units.draws(generator, self._replicates, _BLOCK_CELLS, patterns):
            yield np.rint(drawn).astype(np.int32)

    def of_patterns(self, sizes: npt.NDArray[np.int64]) -> Iterator[Weights]:
        """Draws of rows where only the pattern of a row matters: `sizes` counts its rows."""
        rows = int(sizes.sum())
        if rows < 2:
            yield np.zeros((self._replicates, len(sizes)), dtype=np.int32)
            return
        generator = np.random.default_rng(self._seed)
        for size in _blocks(self._replicates, len(sizes)):
            yield generator.multinomial(rows, sizes / rows, size=size).astype(np.int32)


def replicate_values(
    names: Sequence[str],
    labels: pd.Series,
    models: Sequence[pd.DataFrame],
    positive_class: str | None,
    silence: Sequence[float],
    weights: Resamples | None,
) -> list[dict[str, Floats]]:
    """For each model, each metric's value in every replicate; without `weights`, its one value."""
    blocks: Iterator[Weights]
    sizes, places, score_bins = None, np.zeros(0, dtype=np.int64), None
    if weights is None:
        blocks = iter([np.ones((1, len(labels)), dtype=np.int32)])
    else:
        if len(labels) > BINNED_ROWS:
            score_bins = SCORE_BINS
        rows = labels
        if weights.groups is None or len(labels) > BINNED_ROWS:
            sizes, places, labels, models = _patterns(names, labels, models, positive_class)
        if sizes is None:
            blocks = weights.of_rows(labels)
        elif weights.groups is None:
            blocks = weights.of_patterns(sizes)
        else:
            blocks = weights.of_units(rows, places, len(sizes))
    evaluators = [
        weighted_metrics(
            names,
            labels,
            model,
            positive_class=positive_class,
            precision_of_silence=precision,
            score_bins=score_bins,
            sizes=sizes,
        )
        for model, precision in zip(models, silence, strict=True)
    ]
    found: list[list[dict[str, Floats]]] = [[] for _ in models]
    for block in blocks:
        for values, evaluate in zip(found, evaluators, strict=True):
            values.append(evaluate(block))
    return [
        {name: np.concatenate([block[name] for block in values]) for name in names}
        for values in found
    ]


def _patterns(
    names: Sequence[str],
    labels: pd.Series,
    models: Sequence[pd.DataFrame],
    positive_class: str | None,
) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.int64], pd.Series, Sequence[pd.DataFrame]]:
    """Rows that no metric tells apart put together: how many, which, and a row for each pattern.

    Drawing how often each pattern occurs is the same distribution as drawing rows, at a fraction
    of the cost. Labels make patterns always; scores (in bins) of many rows, where the metrics look
    at one class of one model. Without numbers, and the rows as they are, where that saves little.
    """
    nowhere = np.zeros(0, dtype=np.int64)
    if pd.api.types.is_float_dtype(labels.dtype):
        return None, nowhere, labels, models  # numbers: hardly two rows are alike
    scores_matter = not SCORE_METRICS.isdisjoint(names)
    if scores_matter:
        of_one_score = len(models) == 1 and _looks_at_one_score(names, models[0], positive_class)
        if len(labels) <= BINNED_ROWS or not of_one_score:
            return None, nowhere, labels, models
        models = [_with_binned_scores(models[0], str(positive_class))]
    columns = [labels, *(model["predicted"] for model in models)]
    if scores_matter:
        columns.append(models[0][f"p:{positive_class}"])
    key = np.zeros(len(labels), dtype=np.int64)
    for column in columns:
        found, values = pd.factorize(column, sort=True, use_na_sentinel=False)
        key = key * max(len(values), 1) + found
    _, first_rows, places, sizes = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    alike = [model.iloc[first_rows] for model in models]
    return sizes.astype(np.int64), places.astype(np.int64), labels.iloc[first_rows], alike


def _looks_at_one_score(
    names: Sequence[str], model: pd.DataFrame, positive_class: str | None
) -> bool:
    """Whether the metrics need no probability but that of the class (and its complement)."""
    if positive_class is None or f"p:{positive_class}" not in model or not has_probabilities(model):
        return False
    classes = sum(str(column).startswith("p:") for column in model.columns)
    return "log_loss" not in names or classes == 2


def _with_binned_scores(model: pd.DataFrame, positive_class: str) -> pd.DataFrame:
    """The predictions with each probability at the mean of its bin; calibration bins stay whole."""
    scores = probability_of(model, positive_class)
    key = calibration_bins(scores) * (SCORE_BINS + 1) + quantile_bins(scores, SCORE_BINS)
    _, places, counts = np.unique(key, return_inverse=True, return_counts=True)
    means = {
        column: (np.bincount(places, model[column].to_numpy(np.float64)) / counts)[places]
        for column in model.columns
        if str(column).startswith("p:")
    }
    return model.assign(**means)


def unit_codes(groups: pd.Series | None, labels: pd.Series) -> npt.NDArray[np.intp] | None:
    """What is drawn as a whole: a number for the group of each row; None where rows are alone.

    Raises ValueError when the groups are not for the rows of the labels.
    """
    real = real_groups(groups)
    return None if real is None else _group_codes(real, labels)


def real_groups(groups: pd.Series | None) -> pd.Series | None:
    """None where no two rows share a group: the rows are then independent."""
    return None if groups is None or groups.dropna().is_unique else groups


def _group_codes(groups: pd.Series, labels: pd.Series) -> npt.NDArray[np.intp]:
    """A number for the group of each row; a row without a group is a group of its own."""
    if not groups.index.equals(labels.index):
        raise ValueError("the groups are not for the rows of the labels")
    found, names = pd.factorize(groups, sort=True)
    missing = found < 0
    found[missing] = len(names) + np.arange(int(missing.sum()))
    return found


def _blocks(replicates: int, width: int) -> Iterator[int]:
    """Sizes of the blocks, so that a block of weights stays near 1 MB (a processor's cache)."""
    size = max(1, _BLOCK_CELLS // max(width, 1))
    for start in range(0, replicates, size):
        yield min(size, replicates - start)
