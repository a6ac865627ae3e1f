"""The stage `label_consistency` of a regression: do equal examples have nearly the same number?

Guarantees: the limit is judged on train and dev rows, test rows are counted apart; what is asked of
classes only (suspected labels, agreement, drift of the class shares) is said not to be judged.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.checks import Check, Finding, Outcome, StageResult, Table, judged
from tasks.labels.findings import STAGE
from tasks.labels.human_level import as_frame
from tasks.labels.row_groups import Codes, group_equal_rows
from tasks.project.dataset import Dataset
from tasks.project.roles import ROW_KEY, Roles
from tasks.project.sections import Project
from tasks.unit_intervals import unit_rate

APART = 0.5
"""Numbers of equal examples that differ by more than so many standard deviations conflict."""
_MOST_ROWS = 200


def check_numbers(dataset: Dataset, project: Project) -> StageResult:
    """Judge whether rows that are equal in all features have nearly the same target.

    Outputs are those of `check_labels`: `label_quality`, in which no row is a suspect, and an empty
    `human_level`.
    """
    frame, split, roles = dataset.frame, dataset.split, dataset.roles
    labels, sides = dataset.labels(), split["side"].loc[frame.index]
    units = split["unit"].loc[frame.index]
    found = _judge_conflicts(frame, labels, sides, units, roles, project)
    quality = pd.DataFrame(
        {
            "side": sides,
            "label": labels.astype("str"),
            "likely_label": pd.Series(np.nan, index=frame.index).astype("str"),
            "quality": np.nan,
            "issue": False,
        }
    )
    rest = Finding(
        checks=(_classes_only(len(frame)),),
        outputs={"label_quality": quality, "human_level": as_frame(())},
    )
    return StageResult.of(STAGE, found.summary, (found, rest))


def _judge_conflicts(
    frame: pd.DataFrame,
    labels: pd.Series,
    sides: pd.Series,
    units: pd.Series,
    roles: Roles,
    project: Project,
) -> Finding:
    seen = (sides != "test").to_numpy(dtype=bool)
    rows, values = int(seen.sum()), labels.to_numpy(dtype=np.float64)
    apart = APART * float(np.std(values[seen])) if rows else 0.0
    groups = group_equal_rows(frame, roles.features)
    conflicts = _in_conflict(groups, values, seen, apart)
    tested = _in_conflict(groups, values, np.ones(len(frame), dtype=bool), apart) & ~seen
    count, limit = int(conflicts.sum()), project.labels.max_conflict_share
    title = "Equal rows with different numbers (share of rows)"
    if not rows:
        detail = "There is no train or dev row to compare."
        return Finding(checks=(_check(title, project, "not_applicable", detail, None, None, 0),))
    detail = (
        f"{count:,} of {rows:,} train and dev rows ({count / rows:.1%}) equal another one in all "
        f"features and differ from it in {roles.target} by more than {apart:.4g} ({APART:g} "
        f"standard deviations); {int(tested.sum()):,} test rows, apart."
    )
    share = count / rows
    ends = unit_rate(conflicts[seen], pd.factorize(units[seen])[0])
    outcome = judged(share, maximum=limit)
    check = _check(title, project, outcome, detail, share, ends, rows)
    return Finding(
        checks=(check,),
        summary=f"{count} conflicts",
        metrics={f"{STAGE}.conflict_share": share},
        facts={"rows_judged": rows, "conflicts": count, "conflicts_test": int(tested.sum())},
        tables={"conflicts": _table(frame, labels, sides, groups, conflicts | tested)},
    )


def _in_conflict(
    groups: Codes, values: NDArray[np.float64], rows: NDArray[np.bool_], apart: float
) -> NDArray[np.bool_]:
    """Rows among `rows` that have an equal row among them with a number too far off."""
    count = int(groups.max(initial=-1)) + 1
    lowest, highest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(lowest, groups[rows], values[rows])
    np.maximum.at(highest, groups[rows], values[rows])
    off = np.maximum(values - lowest[groups], highest[groups] - values)
    conflicts: NDArray[np.bool_] = rows & (off > apart)
    return conflicts


def _table(
    frame: pd.DataFrame,
    labels: pd.Series,
    sides: pd.Series,
    groups: Codes,
    chosen: NDArray[np.bool_],
) -> Table:
    shown = pd.DataFrame(
        {
            "group": groups[chosen],
            ROW_KEY: frame.index[chosen],
            "side": sides.to_numpy()[chosen],
            "target": labels.to_numpy()[chosen],
        }
    )
    note = f"The first {_MOST_ROWS} rows of {len(shown):,}." if len(shown) > _MOST_ROWS else ""
    ordered = shown.sort_values(["group", "target"], kind="stable").head(_MOST_ROWS)
    return Table(title="Equal rows with different numbers", frame=ordered, note=note)


def _check(
    title: str,
    project: Project,
    outcome: Outcome,
    detail: str,
    share: float | None,
    interval: tuple[float, float] | None,
    rows: int,
) -> Check:
    return Check(
        id=f"{STAGE}.conflicts",
        stage=STAGE,
        title=title,
        severity=project.labels.severity,
        outcome=outcome,
        value=share,
        limit=project.labels.max_conflict_share,
        interval=interval,
        n=rows,
        detail=detail,
        evidence="conflicts",
    )


def _classes_only(rows: int) -> Check:
    return Check(
        id=f"{STAGE}.issues",
        stage=STAGE,
        title="Suspected label issues (share of rows)",
        severity="info",
        outcome="not_applicable",
        n=rows,
        detail="Suspected labels, agreement of annotators and drift are judged for classes only.",
    )
