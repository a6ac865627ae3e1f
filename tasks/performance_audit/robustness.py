"""Do small changes of a row, which leave its meaning as it is, flip its prediction?

Guarantees: the plain predictions were judged before; at most `audit.robustness.max_rows` test rows
are changed, drawn by the seed; a flip is counted among the rows that the change touched, with
Wilson's interval (bootstrap of groups where rows are grouped); a kind without a limit of the
project is shown and not judged; a kind that the columns do not allow is `not_applicable`.

The kinds are those of `perturbations`. `shift` adds a quarter and one standard deviation (of all
rows) to each numeric column and takes it away: a foretaste of drift. It is judged by the column
that flips most at a quarter; being the largest of several, it is on the high side.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.conditions import Mask
from tasks.intervals import Difference, Estimate, tango
from tasks.metrics import paired_difference
from tasks.performance_audit.planned_changes import (
    SHIFTS,
    Change,
    column_changes,
    left_out,
    resolutions,
    whole_row_changes,
)
from tasks.project.robustness_section import RobustnessSection
from tasks.project.roles import Roles
from tasks.ratio_estimates import ratio_estimate
from tasks.scoring import Score
from tasks.slice_metrics import ScoredRows

MAX_COLUMNS = 60
"""Columns that are changed one at a time: the first of the project."""
MAX_COLUMN_ROWS = 60_000
"""Rows that are scored for them in all, so that many columns get fewer rows each."""
MAX_REPLICATES = 200
MAX_CELLS = 1_000_000
"""Cells that are held at once; rows of many columns are fewer."""
SMALL_SHIFT = 0.25


@dataclass(frozen=True)
class Effect:
    """What a change did: the share of flips among the rows that it touched, and more.

    `share` is the change in the share of rows predicted as `of_class`: the positive class, or
    that of more classes whose share changes most. The touched rows come from so many independent
    `units`. `metric` is the change of the project's metric
    (positive: better), None where one column was changed.
    """

    kind: str
    label: str
    flips: Estimate
    of_class: str
    share: Estimate
    units: int
    metric: Difference | None = None
    moved: float | None = None


@dataclass(frozen=True)
class Effects:
    """What every change did; `left_out` says by kind why there is nothing to change."""

    kinds: tuple[Effect, ...]
    columns: tuple[Effect, ...]
    left_out: dict[str, str]
    rows: int
    column_rows: int
    columns_left_out: int


def measure_robustness(
    frame: pd.DataFrame,
    test: Mask,
    scored: ScoredRows,
    score: Score,
    roles: Roles,
    section: RobustnessSection,
    metric: str,
) -> Effects:
    """Change the test rows, score them again with `score`, and compare with `scored`.

    `frame` holds all rows, by which a column's precision and spread are measured. Raises
    ProjectFileError when a declared precision names what is no numeric feature.
    """
    rows, width = frame[test][list(roles.features)], max(len(roles.features), 1)
    steps = resolutions(frame, roles, section)
    order = np.random.default_rng(scored.seed).permutation(len(scored))
    many = np.sort(order[: min(section.max_rows, max(MAX_CELLS // width, 1))])
    names = roles.features[:MAX_COLUMNS]
    count = len(names) + len(SHIFTS) * sum(name in roles.numeric for name in names)
    few = np.sort(order[: min(len(many), max(MAX_COLUMN_ROWS // max(count, 1), 1))])
    of_rows = whole_row_changes(rows.iloc[many], steps, roles, section, scored.seed)
    of_columns = column_changes(frame, rows.iloc[few], names, roles)
    kinds = tuple(_effects(of_rows, _at(scored, many), score, metric))
    columns = tuple(_effects(of_columns, _at(scored, few), score, None))
    found = {effect.kind for effect in kinds} | {effect.kind for effect in columns}
    return Effects(
        kinds=kinds,
        columns=columns,
        left_out=left_out(found, roles),
        rows=len(many),
        column_rows=len(few),
        columns_left_out=len(roles.features) - len(names),
    )


def worst_small_shift(effects: Effects) -> Effect | None:
    """The column that flips most when it moves by a quarter of its standard deviation."""
    small = [e for e in effects.columns if e.moved is not None and abs(e.moved) <= SMALL_SHIFT]
    return max(small, key=lambda effect: effect.flips.value, default=None)


def _effects(
    changes: Iterator[Change], base: ScoredRows, score: Score, metric: str | None
) -> Iterator[Effect]:
    """Score the changed rows, several changes at once, and compare."""
    while first := next(changes, None):
        more = max(MAX_CELLS // max(first.changed.rows.size, 1) - 1, 0)
        part = [first, *itertools.islice(changes, more)]
        together = score(pd.concat([change.changed.rows for change in part]))
        for place, change in enumerate(part):
            own = together.iloc[place * len(base) : (place + 1) * len(base)]
            yield _effect(change, base, own, metric)


def _effect(change: Change, base: ScoredRows, told: pd.DataFrame, metric: str | None) -> Effect:
    before, after = base.predictions["predicted"], told["predicted"]
    flipped = (before.to_numpy() != after.to_numpy()) & change.changed.touched
    flips = ratio_estimate(
        flipped.astype(float),
        change.changed.touched.astype(float),
        replicates=base.replicates,
        seed=base.seed,
        groups=base.groups,
    )
    of_class, share = _share_change(before, after, base)
    difference = None
    if metric is not None:
        difference = paired_difference(
            metric,
            base.labels,
            told,
            base.predictions,
            positive_class=base.positive_class,
            replicates=min(base.replicates, MAX_REPLICATES),
            seed=base.seed,
            groups=base.groups,
        )
    units = base.where(change.changed.touched).units
    return Effect(
        change.kind, change.label, flips, of_class, share, units, difference, change.moved
    )


def _share_change(before: pd.Series, after: pd.Series, base: ScoredRows) -> tuple[str, Estimate]:
    """The class whose share of the predictions changes most, and by how much."""
    of_class = base.positive_class
    if of_class is None:
        moved = after.value_counts().sub(before.value_counts(), fill_value=0).sort_index()
        of_class = str(moved.abs().idxmax())
    now, then = (after == of_class).to_numpy(), (before == of_class).to_numpy()
    moves = now.astype(float) - then
    if base.groups is not None:
        ones = np.ones(len(moves))
        return of_class, ratio_estimate(
            moves, ones, replicates=base.replicates, seed=base.seed, groups=base.groups
        )
    gained, lost = int((now & ~then).sum()), int((then & ~now).sum())
    low, high = tango(gained, lost, len(moves))
    value = float(moves.mean())
    return of_class, Estimate(value=value, low=low, high=high, n=len(moves), method="tango")


def _at(scored: ScoredRows, places: NDArray[np.intp]) -> ScoredRows:
    chosen = np.zeros(len(scored), dtype=bool)
    chosen[places] = True
    return scored.where(chosen)
