"""Whether the shares of the classes change over time, or from batch to batch, as a check.

Guarantees: a change fails the check only where it is beyond chance and of the size that the project
names; train and dev rows are judged, groups of test are shown apart and choose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.checks import Check, Figure, Outcome, Table
from tasks.conditions import nearest_column
from tasks.errors import ProjectFileError
from tasks.intervals import wilson
from tasks.labels.drift import (
    LEAST_EXPECTED,
    LEAST_ROWS,
    Change,
    group_rows,
    measure_changes,
)
from tasks.labels.findings import STAGE, LabelFinding
from tasks.project.label_sections import DriftSection
from tasks.project.roles import Roles
from tasks.project.sections import Project

_LEVEL = 0.05


def judge_drift(
    frame: pd.DataFrame,
    sides: pd.Series,
    roles: Roles,
    project: Project,
    units: pd.Series | None = None,
) -> LabelFinding:
    """The class whose share changes most over the groups of `labels.drift.by`.

    Rows of one of the split's `units` (default: of its groups) are not independent. Raises
    ProjectFileError where the frame has no such column.
    """
    settings = project.labels.drift
    by = settings.by or roles.time
    if by is None:
        needed = "Needs the column of the time, the batch or the annotator in labels.drift.by."
        return LabelFinding(checks=(_check("not_applicable", needed, settings, 0),))
    _require(by, frame)
    labels = roles.labels(frame)
    seen = (sides != "test").to_numpy()
    groups = group_rows(frame[by][seen], settings.windows)
    counts = pd.crosstab(groups, labels[seen])
    if units is None and roles.group is not None:
        units = frame[roles.group]
    changes = measure_changes(counts, roles.positive_class, _by_unit(groups, labels[seen], units))
    if not changes:
        needed = (
            f"Needs two groups of {LEAST_ROWS} rows or more by {by}, and a class of which "
            f"{LEAST_EXPECTED} independent rows or more are expected in each; there are "
            f"{int((counts.sum(axis=1) >= LEAST_ROWS).sum())} such groups."
        )
        return LabelFinding(checks=(_check("not_applicable", needed, settings, int(seen.sum())),))
    moved = [one for one in changes if one.p_holm < _LEVEL and one.effect >= settings.min_effect]
    worst = max(moved or changes, key=lambda change: change.effect)
    later = pd.crosstab(group_rows(frame[by][~seen], settings.windows), labels[~seen])
    rates = pd.concat([_rates(counts, worst.name, ""), _rates(later, worst.name, "test: ")])
    detail = _sentence(by, worst, moved, changes, _rates(counts, worst.name, ""))
    return LabelFinding(
        checks=(_check("failed" if moved else "passed", detail, settings, int(seen.sum()), worst),),
        summary=f"the share of {worst.name} changes by {by}" if moved else "",
        metrics={f"{STAGE}.drift": worst.effect},
        facts={"drift": [one.name for one in moved]},
        tables={
            "drift": _changes_table(changes, by),
            "drift_rates": Table(
                title=f"Share of {worst.name} by {by}",
                frame=rates.reset_index(drop=True),
                note="Rows of test are in groups of their own, are not judged and choose nothing.",
            ),
        },
        figures=(
            Figure(
                kind="intervals",
                title=f"Share of {worst.name} by {by}",
                table="drift_rates",
                alt=f"The share of rows labelled {worst.name} in each group by {by}",
            ),
        ),
    )


def _by_unit(groups: pd.Series, labels: pd.Series, units: pd.Series | None) -> pd.DataFrame | None:
    """Rows by group and unit, and class; a row without a unit is one of its own."""
    if units is None:
        return None
    codes = pd.factorize(units.reindex(groups.index))[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = np.arange(len(codes))[alone] + len(codes)
    if len(np.unique(codes)) == len(codes):
        return None
    words = pd.Series(groups.astype("str").to_numpy())
    return pd.crosstab([words, pd.Series(codes)], pd.Series(labels.to_numpy()))


def _require(by: str, frame: pd.DataFrame) -> None:
    if by not in frame.columns:
        raise ProjectFileError(
            f"labels.drift.by names the column '{by}'{nearest_column(by, frame)}"
        )


def _rates(counts: pd.DataFrame, name: str, before: str) -> pd.DataFrame:
    """The share of the class in each group, with its Wilson interval."""
    sizes = counts.sum(axis=1)
    rows = counts[name] if name in counts else sizes * 0
    ends = [wilson(int(one), int(n)) for one, n in zip(rows, sizes, strict=True)]
    return pd.DataFrame(
        {
            "label": [f"{before}{group}" for group in counts.index],
            "value": (rows / sizes).to_numpy(),
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
            "n": sizes.to_numpy(),
        }
    )


def _sentence(
    by: str,
    worst: Change,
    moved: Sequence[Change],
    changes: Sequence[Change],
    rates: pd.DataFrame,
) -> str:
    rates = rates[rates["n"] >= LEAST_ROWS]
    shares = rates["value"].to_numpy()
    least, most = rates.iloc[int(shares.argmin())], rates.iloc[int(shares.argmax())]
    found = (
        f"By {by} the share of {worst.name} runs from {least['value']:.1%} ({least['label']}, n "
        f"{least['n']:,}) to {most['value']:.1%} ({most['label']}, n {most['n']:,}): Cramer's V "
        f"{worst.effect:.2f} ({worst.low:.2f} to {worst.high:.2f}), p {worst.p_holm:.2g}"
        f"{f' after Holm over {len(changes)} classes' if len(changes) > 1 else ''}."
    )
    if not moved:
        return f"No class changes beyond chance and by the size that counts. {found}"
    others = [change.name for change in moved if change is not worst][:5]
    beside = f" So do {', '.join(others)}." if others else ""
    return f"{found}{beside} The world changed, or the way of labelling."


def _changes_table(changes: Sequence[Change], by: str) -> Table:
    ranked = sorted(changes, key=lambda change: (-change.effect, change.name))
    names = ("name", "rows", "effect", "low", "high", "p", "p_holm")
    frame = pd.DataFrame([[getattr(one, name) for name in names] for one in ranked])
    frame.columns = pd.Index(["class", "n", "value", "low", "high", "p", "p_holm"])
    return Table(
        title=f"Change of the classes' shares by {by}",
        frame=frame,
        note="value: Cramer's V without what chance gives, with its 95 % interval. Train and dev.",
    )


def _check(
    outcome: Outcome, detail: str, settings: DriftSection, n: int, worst: Change | None = None
) -> Check:
    return Check(
        id=f"{STAGE}.drift",
        stage=STAGE,
        title="Change of a class's share over time or batches (Cramer's V)",
        severity=settings.severity,
        outcome=outcome,
        value=worst.effect if worst else None,
        limit=settings.min_effect,
        interval=(worst.low, worst.high) if worst else None,
        n=n,
        detail=detail,
        evidence="drift" if worst else None,
    )
