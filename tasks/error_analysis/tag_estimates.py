"""How many rows have a tag, and how many of them are wrong, from the rows of which it is known.

Every dev row is known to be right or wrong; of a tag given by hand only some rows are known to
have it or not, and those with known probabilities. So the rows with a tag are estimated apart
among the wrong and among the right rows, by the ratio of Hajek (1971; Särndal, Swensson and
Wretman, Model Assisted Survey Sampling, 1992, 5.7),

    share = sum of weights of the known rows with the tag / sum of weights of the known rows,

and put together by the counts of wrong and right rows, which are known (post-stratification, there
7.6). Errors that were all asked about have weight 1 and count for themselves alone; a row that was
not asked about is stood for by others and is never one "without".

**Intervals.** The bootstrap draws dev rows (groups, where rows are grouped), known or not, and
repeats the whole estimate: 95 % percentiles. Of a rare tag a draw may hold no row at all, and the
bootstrap would then be sure of 0 for no reason. So to the rows drawn from come, among the wrong
and among the right, one with and one without the tag at the mean weight, as Agresti and Caffo
(American Statistician 54 (2000) 280) do for two rates. It does not apply where asking a row
depended on anything but the recorded probability.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.conditions import Mask
from tasks.error_analysis.tag_rows import TagRows
from tasks.intervals import Estimate
from tasks.percentiles import percentiles as percentile_ends
from tasks.project.sections import Project

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

MAX_REPLICATES = 400
"""The intervals here decide nothing: this many replicates give them two steady digits."""
MAX_UNITS = 20_000
"""Of more groups, several are drawn as one: as independent as they were, and far less to hold."""
_EXTRA = 4
"""Rows that come to those drawn from: wrong and right, each with and without the tag."""
_MANY_UNITS = 20_000
"""From here on units that look alike are drawn as one count: memory would not hold each."""
_OF_WRONG, _OF_RIGHT = 2, 4
"""Where the weights known, and after them those with the tag, stand among the totals."""


class Resamples:
    """Draws of the rows, or of their groups, that all tags share."""

    def __init__(self, replicates: int, seed: int, groups: pd.Series | None = None) -> None:
        self._replicates = replicates
        self._seed = seed
        self._units = None if groups is None else _unit_codes(groups)
        self._counts: Floats | None = None

    @classmethod
    def of(cls, units: pd.Series | None, project: Project) -> Resamples:
        """Draws of rows, of `units` where some rows share one."""
        return cls(min(project.gate.replicates, MAX_REPLICATES), project.seed, units)

    def among(self, rows: Mask) -> Resamples:
        """Draws of the rows that `rows` marks."""
        units = None if self._units is None else pd.Series(self._units[rows])
        return Resamples(self._replicates, self._seed, units)

    @property
    def grouped(self) -> bool:
        """Whether groups are drawn, because some rows share one."""
        return self._units is not None

    def totals(self, rows: Floats, kinds: Codes, extra: Floats) -> Floats:
        """Sums of the columns of `rows` in each replicate, shape (replicates, columns).

        Rows of one of the `kinds` are equal; `extra` rows may be drawn as well. NaN where there
        are fewer than two rows or groups.
        """
        if len(rows) < 2 or (self._units is not None and self._units.max() == 0):
            return np.full((self._replicates, rows.shape[1]), np.nan)
        if self._units is not None:
            units = _sums(rows, self._units)
            if len(units) > _MANY_UNITS:
                kinds, sizes = np.unique(units, axis=0, return_counts=True)
                return self._drawn(np.vstack([kinds, extra]), sizes, len(extra))
            padded = np.zeros((len(units) + _EXTRA, rows.shape[1]))
            padded[: len(units)], padded[len(units) : len(units) + len(extra)] = units, extra
            return self._counts_of(len(padded)) @ padded
        # Rows of one kind are drawn together: there are few kinds.
        _, first, sizes = np.unique(kinds, return_index=True, return_counts=True)
        return self._drawn(np.vstack([rows[first], extra]), sizes, len(extra))

    def _drawn(self, patterns: Floats, sizes: Codes, extra: int) -> Floats:
        """Sums of `patterns`, of which there are `sizes` (and one of each of the last `extra`)."""
        sizes = np.concatenate([sizes, np.ones(extra, dtype=sizes.dtype)])
        count, generator = int(sizes.sum()), np.random.default_rng(self._seed)
        draws = (generator.multinomial(count, sizes / count) for _ in range(self._replicates))
        return np.array([drawn @ patterns for drawn in draws])

    def _counts_of(self, units: int) -> Floats:
        """How often each unit is drawn in each replicate: drawn once, for all tags."""
        if self._counts is None:
            generator = np.random.default_rng(self._seed)
            self._counts = np.empty((self._replicates, units))
            for place in range(self._replicates):
                drawn = generator.integers(0, units, size=units)
                self._counts[place] = np.bincount(drawn, minlength=units)
        return self._counts


def estimate_counts(tag: TagRows, wrong: Mask) -> tuple[float, float, float]:
    """Share of errors with the tag, error rate within it, share of rows with it."""
    found = _numbers(_totals(tag, wrong).sum(axis=0)[None, :])[0]
    return float(found[0]), float(found[1]), float(found[2])


def draw_counts(tag: TagRows, wrong: Mask, resamples: Resamples) -> Floats:
    """The same three in each replicate, shape (replicates, 3); NaN where one is undefined."""
    rows = _totals(tag, wrong)
    _, weights = np.unique(np.where(tag.known, tag.weights, 0.0), return_inverse=True)
    kinds = (weights * 2 + tag.has) * 2 + wrong
    return _numbers(resamples.totals(rows, kinds, _extra(rows)))


def percentiles(value: float, draws: Floats, n: int, method: str) -> Estimate:
    """`value` with the 95 % percentiles of its draws; NaN where too many draws are undefined."""
    (low, high), undefined = percentile_ends(draws)
    known = math.isfinite(low) and math.isfinite(value)
    return Estimate(
        value=value,
        low=min(low, value) if known else math.nan,
        high=max(high, value) if known else math.nan,
        n=n,
        undefined_share=undefined,
        method=method,
    )


def effective_rows(weights: Floats) -> float:
    """How many rows of one weight are worth as much as these (Kish, Survey Sampling, 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0


def _totals(tag: TagRows, wrong: Mask) -> Floats:
    """What each row adds: wrong, right; weight if known, and with the tag, among each of them."""
    weight = np.where(tag.known, tag.weights, 0.0)
    with_tag = np.where(tag.has, weight, 0.0)
    right = ~wrong
    parts = (wrong, right, wrong * weight, wrong * with_tag, right * weight, right * with_tag)
    return np.column_stack(parts).astype(np.float64)


def _numbers(totals: Floats) -> Floats:
    """Share of errors, error rate within, share of rows, of each row of totals."""
    errors, others, known_e, with_e, known_o, with_o = totals.T
    with np.errstate(invalid="ignore", divide="ignore"):
        of_errors, of_others = with_e / known_e, with_o / known_o
        # Of what is not there none has the tag, and nothing need be known about it.
        tagged_errors = np.where(errors > 0, errors * of_errors, 0.0)
        tagged_others = np.where(others > 0, others * of_others, 0.0)
        tagged = tagged_errors + tagged_others
        shares = np.where(errors > 0, of_errors, np.nan)
        return np.column_stack([shares, tagged_errors / tagged, tagged / (errors + others)])


def _extra(rows: Floats) -> Floats:
    """One row with and one without the tag among the wrong and the right, at the mean weight."""
    found = []
    for place in (_OF_WRONG, _OF_RIGHT):
        weights = rows[:, place]
        if weights.any():
            mean = weights[weights > 0].mean()
            for with_tag in (0.0, mean):
                found.append([0.0] * 6)
                found[-1][place : place + 2] = [mean, with_tag]
    return np.array(found).reshape(-1, 6)


def _unit_codes(groups: pd.Series) -> Codes | None:
    """A number for the unit of each row; None where no two rows share a group."""
    if groups.dropna().is_unique:
        return None
    found, names = pd.factorize(groups, sort=True)
    missing = found < 0
    found[missing] = len(names) + np.arange(int(missing.sum()))
    return np.unique(found % MAX_UNITS, return_inverse=True)[1]


def _sums(rows: Floats, units: Codes) -> Floats:
    columns = [np.bincount(units, weights=column) for column in rows.T]
    return np.column_stack(columns)
