"""Two questions of the stage as checks: conflicts and suspected issues.

Guarantees: every share carries its count and interval; a count of suspects is called that, never
an error rate; what cannot be judged says what is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.checks import Check, Figure, Finding, Severity, judged
from tasks.labels.conflicts import compare_features
from tasks.labels.probabilities import LabelProbabilities
from tasks.labels.review import conflict_table, issues_by_class
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.unit_intervals import unit_rate

STAGE = "label_consistency"
_CLASSES_IN_FIGURE = 14
_TITLES = {
    "conflicts": "Equal rows with different labels (share of rows)",
    "near_conflicts": "Nearly equal rows with different labels (share of rows)",
    "issues": "Suspected label issues (share of rows)",
    "rare_class": "Class with enough rows to judge its labels",
}


@dataclass(frozen=True, kw_only=True)
class LabelFinding(Finding):
    """What one question found; `reasons` says what speaks against the label of each row."""

    reasons: pd.Series | None = None


def judge_conflicts(
    frame: pd.DataFrame,
    sides: pd.Series,
    roles: Roles,
    project: Project,
    units: pd.Series | None = None,
) -> LabelFinding:
    """Shares of train and dev rows whose equal, or nearly equal, row has another label.

    Rows that share one of the `units` are no independent evidence; None: all are.
    """
    settings = project.labels
    labels = pd.factorize(roles.labels(frame), sort=True)[0].astype(np.int64)
    seen = (sides != "test").to_numpy()
    rows = int(seen.sum())
    if len(np.unique(labels[seen])) < 2:
        needed = "Two classes are needed among the train and dev rows."
        names = ("conflicts", "near_conflicts")
        return LabelFinding(
            checks=tuple(_not_applicable(name, needed, settings.severity, rows) for name in names)
        )
    vectors = compare_features(frame, roles, settings.numeric_tolerance, settings.text_similarity)
    everywhere = np.ones(len(frame), dtype=bool)
    equal = vectors.equal_conflicts(labels, seen)
    near = vectors.near_conflicts(labels, seen) & ~equal
    all_equal = vectors.equal_conflicts(labels, everywhere)
    all_near = vectors.near_conflicts(labels, everywhere) & ~all_equal
    counts = {"conflicts": int(equal.sum()), "near_conflicts": int(near.sum())}
    drawn = np.arange(rows) if units is None else pd.factorize(units[seen])[0]
    ends = {
        "conflicts": unit_rate(equal[seen], drawn),
        "near_conflicts": unit_rate(near[seen], drawn),
    }
    apart = {
        "conflicts": int((all_equal & ~seen).sum()),
        "near_conflicts": int((all_near & ~seen).sum()),
    }
    reasons = np.where(near, "a nearly equal row has another label", "")
    reasons = np.where(equal, "an equal row has another label", reasons)
    return LabelFinding(
        checks=tuple(
            _conflict_check(name, counts[name], rows, apart[name], project, ends[name])
            for name in counts
        ),
        summary=f"{counts['conflicts']} conflicts, {counts['near_conflicts']} near conflicts",
        reasons=pd.Series(reasons, index=frame.index, dtype="str"),
        metrics={
            f"{STAGE}.conflict_share": counts["conflicts"] / rows,
            f"{STAGE}.near_conflict_share": counts["near_conflicts"] / rows,
        },
        facts={"rows_judged": rows, **counts, **{f"{n}_test": v for n, v in apart.items()}},
        tables={"conflicts": conflict_table(frame, sides, roles, vectors, labels)},
    )


def judge_issues(
    quality: pd.DataFrame,
    probabilities: LabelProbabilities,
    project: Project,
    units: pd.Series | None = None,
) -> LabelFinding:
    """Share of train and dev rows whose label a model that has not seen them does not believe."""
    settings = project.labels
    scored = quality[quality["quality"].notna()]
    judged_rows = scored[scored["side"] != "test"]
    rare = _rare_class_checks(probabilities)
    if probabilities.matrix is None:
        detail = f"Label issues were not looked for: {probabilities.reason}."
        check = _not_applicable("issues", detail, settings.severity, 0, probabilities.broken)
        return LabelFinding(checks=(check, *rare))
    rows, count = len(judged_rows), int(judged_rows["issue"].sum())
    by_side = scored.groupby("side")["issue"].agg(["sum", "count"])
    tested = by_side.loc["test"] if "test" in by_side.index else None
    beside = "" if tested is None else f"; {tested['sum']} of {tested['count']} test rows, apart"
    detail = (
        f"{count:,} of {rows:,} train and dev rows ({count / rows:.1%}) have a label that "
        f"{' and '.join(probabilities.families)} together find less credible than another{beside}. "
        "These are suspects for review, not proven errors."
        + (f" {probabilities.sampled}" if probabilities.sampled else "")
    )
    limit = settings.max_issue_share
    drawn = np.arange(rows) if units is None else pd.factorize(units.loc[judged_rows.index])[0]
    ends = unit_rate(judged_rows["issue"].to_numpy(dtype=bool), drawn)
    check = _share_check("issues", count, rows, limit, detail, "info", "review", ends)
    few = len(probabilities.classes) <= _CLASSES_IN_FIGURE
    return LabelFinding(
        checks=(check, *rare),
        summary=f"{count} suspected label issues ({count / rows:.1%})",
        metrics={
            f"{STAGE}.issue_share.{side}": float(row["sum"] / row["count"])
            for side, row in by_side.iterrows()
        },
        facts={f"issues_{side}": int(row["sum"]) for side, row in by_side.iterrows()},
        tables={
            "issues_by_class": issues_by_class(
                judged_rows, whole=few, sampled=probabilities.sampled
            )
        },
        figures=(_CONFUSION,) if few else (),
    )


def _rare_class_checks(probabilities: LabelProbabilities) -> tuple[Check, ...]:
    needed = probabilities.units_needed
    return tuple(
        _not_applicable(
            "rare_class",
            f"Train has {units} independent rows labelled {name}; {needed} are needed, so these "
            "labels were not judged.",
            "info",
            units,
            subject=name,
        )
        for name, units in probabilities.too_rare.items()
    )


def _conflict_check(
    name: str, count: int, rows: int, apart: int, project: Project, ends: tuple[float, float]
) -> Check:
    kind = "an equal" if name == "conflicts" else "a nearly equal"
    beside = f"; so have {apart:,} test rows, counted apart" if apart else ""
    detail = (
        f"{count:,} of {rows:,} train and dev rows ({count / rows:.1%}) have {kind} row with "
        f"another label{beside}."
    )
    limit = project.labels.max_conflict_share
    severity = project.labels.severity
    return _share_check(name, count, rows, limit, detail, severity, "conflicts", ends)


def _share_check(
    name: str,
    count: int,
    rows: int,
    limit: float,
    detail: str,
    severity: Severity,
    evidence: str,
    ends: tuple[float, float],
) -> Check:
    return Check(
        id=f"{STAGE}.{name}",
        stage=STAGE,
        title=_TITLES[name],
        severity=severity,
        outcome=judged(count / rows, maximum=limit),
        value=count / rows,
        limit=limit,
        interval=ends,
        n=rows,
        detail=detail,
        evidence=evidence,
    )


def _not_applicable(
    name: str, detail: str, severity: Severity, n: int, broken: bool = False, subject: str = ""
) -> Check:
    return Check(
        id=f"{STAGE}.{name}" + (f":{subject}" if subject else ""),
        stage=STAGE,
        title=_TITLES[name],
        severity=severity,
        outcome="error" if broken else "not_applicable",
        n=n,
        detail=detail,
    )


_CONFUSION = Figure(
    kind="confusion",
    title="Given and likely labels",
    table="issues_by_class",
    alt="How many labels of each class are suspected to belong to each other class",
)
