"""Robustness as checks, tables and figures.

Guarantees: each kind of change has one check with its share of flips, interval and rows; where the
project sets no limit for it the check is `not_applicable` and says so.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from tasks.checks import Check, Figure, Finding, Outcome, Table
from tasks.conditions import Mask
from tasks.performance_audit.limits import Limit, further_rows, must_be_judged
from tasks.performance_audit.robustness import (
    Effect,
    Effects,
    measure_robustness,
    worst_small_shift,
)
from tasks.performance_audit.wording import STAGE, declared_by
from tasks.project.robustness_section import RobustnessLimit
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.scoring import Score
from tasks.slice_metrics import ScoredRows

_TITLES = {
    "noise": "noise within the measured precision",
    "missing": "missing cells",
    "case": "upper or lower case",
    "spaces": "spaces around words",
    "typos": "typing errors",
    "shift": "one numeric column moved by a quarter of its standard deviation",
}


def judge_robustness(
    frame: pd.DataFrame,
    test: Mask,
    scored: ScoredRows,
    score: Score,
    roles: Roles,
    project: Project,
    metric: str,
) -> Finding:
    """Change test rows and judge the flips by the project's limits; nothing where switched off.

    `scored` are the test rows (those of `frame` that `test` marks) with their plain predictions.
    Raises ProjectFileError when a declared precision names what is no numeric feature.
    """
    section = project.audit.robustness
    if not section.enabled:
        return Finding()
    effects = measure_robustness(frame, test, scored, score, roles, section, metric)
    shown = {effect.kind: effect for effect in effects.kinds}
    worst = worst_small_shift(effects)
    if worst is not None:
        shown["shift"] = worst
    support = project.audit.min_support
    judged = {
        kind: _check(kind, shown.get(kind), effects, section.limit_of(kind), support)
        for kind in _TITLES
    }
    checks = tuple(replace(found, entry=section.entry_of(k)) for k, found in judged.items())
    tables = {"robustness": _kinds_table(effects, metric)}
    figures = [_kinds_figure()]
    if effects.columns:
        tables["robustness_columns"] = _columns_table(effects)
        figures.append(_columns_figure())
    return Finding(
        checks=checks,
        metrics={
            f"test.flip_share.{kind}": effect.flips.value
            for kind, effect in shown.items()
            if math.isfinite(effect.flips.value)
        },
        tables=tables,
        figures=tuple(figures),
    )


def _check(
    kind: str,
    effect: Effect | None,
    effects: Effects,
    limit: RobustnessLimit | None,
    min_support: int,
) -> Check:
    title = f"Predictions on test that flip by {_TITLES[kind]}"
    identity = f"{STAGE}.robustness:{kind}"
    severity = limit.severity if limit is not None else "info"
    maximum = limit.max_flip_share if limit is not None else None
    whose = declared_by(limit.owner, limit.reason) if limit is not None else ""
    if effect is None:
        return Check(
            id=identity,
            stage=STAGE,
            title=title,
            severity=severity,
            required=limit is not None and bool(limit.required),
            outcome="not_applicable",
            limit=maximum,
            n=0,
            detail=f"Nothing to change: the model sees {effects.left_out[kind]}.{whose}",
        )
    flips = effect.flips
    known = math.isfinite(flips.low) and math.isfinite(flips.high)
    outcome, verdict, misses = _verdict(effect, limit, known, min_support)
    return Check(
        id=identity,
        stage=STAGE,
        title=title,
        severity=severity,
        required=limit is not None
        and must_be_judged(limit.required, limit.severity, outcome, misses=misses),
        outcome=outcome,
        value=flips.value,
        limit=maximum,
        interval=(flips.low, flips.high) if known else None,
        n=flips.n,
        detail=f"{_measured(effect, known)}{verdict}{whose}",
        evidence="robustness_columns" if kind == "shift" else "robustness",
    )


def _measured(effect: Effect, known: bool) -> str:
    flips = effect.flips
    count = round(flips.value * flips.n)
    interval = f" (95 % interval {flips.low:.1%} to {flips.high:.1%})" if known else ""
    what = "The largest of all columns: with " if effect.kind == "shift" else "With "
    return (
        f"{what}{effect.label}, {count} of {flips.n} predictions flip: {flips.value:.1%}{interval}"
    )


def _verdict(
    effect: Effect, declared: RobustnessLimit | None, known: bool, min_support: int
) -> tuple[Outcome, str, bool]:
    """The outcome, the end of the sentence, and whether the judged value misses the limit."""
    flips = effect.flips
    if declared is None:
        shown = (
            f"; shown and not judged, since audit.robustness.limits sets none for {effect.kind}."
        )
        return "not_applicable", shown, False
    if effect.units < min_support or not known:
        needed = f"; too small to judge, at least {min_support} rows are needed."
        return "not_applicable", needed, False
    limit = Limit(
        name="limit", written=lambda value: f"{value:.1%}", maximum=declared.max_flip_share,
        judge=declared.judge,
    )  # fmt: skip
    more = further_rows(limit, flips, flips.n)
    rows = None if more is None else f"about {more:,} further test rows that it touches"
    return limit.outcome(flips), f", {limit.verdict(flips, rows)}.", not limit.holds(flips.value)


def _kinds_table(effects: Effects, metric: str) -> Table:
    columns = ["label", "value", "low", "high", "n", "class"]
    columns += ["share_change", "share_change_low", "share_change_high"]
    columns += ["metric_change", "metric_change_low", "metric_change_high"]
    rows = []
    for effect in effects.kinds:
        change = effect.metric
        told = (change.value, change.low, change.high) if change is not None else (math.nan,) * 3
        rows.append((*_numbers(effect), *told))
    listed = "; ".join(f"{_TITLES[kind]}: {reason}" for kind, reason in effects.left_out.items())
    absent = f" Nothing to change for {listed}." if listed else ""
    return Table(
        title="Flipped predictions by small changes (test)",
        frame=pd.DataFrame(rows, columns=columns),
        note=f"value = share of flips among the n rows that the change touched, of {effects.rows} "
        "test rows; share_change = change in the share predicted as the class; metric_change = "
        f"change of {metric}, positive is better; low and high are 95 % intervals.{absent}",
    )


def _columns_table(effects: Effects) -> Table:
    columns = ["label", "value", "low", "high", "n", "class"]
    columns += ["share_change", "share_change_low", "share_change_high"]
    ordered = sorted(effects.columns, key=lambda effect: -effect.flips.value)
    left = effects.columns_left_out
    more = f" The last {left} columns were not tried." if left else ""
    return Table(
        title="Flipped predictions by one column missing or moved (test)",
        frame=pd.DataFrame([_numbers(effect) for effect in ordered], columns=columns),
        note="missing = blank in every row; sd = moved by that many standard deviations of all "
        f"rows; value = share of flips among n rows, of {effects.column_rows} test rows; "
        "share_change = change in the share predicted as the class; low and high are 95 % "
        f"intervals.{more}",
    )


def _numbers(effect: Effect) -> tuple[object, ...]:
    flips, share = effect.flips, effect.share
    ends = (flips.value, flips.low, flips.high, flips.n)
    return (effect.label, *ends, effect.of_class, share.value, share.low, share.high)


def _kinds_figure() -> Figure:
    return Figure(
        kind="intervals",
        title="Predictions that flip by small changes (test)",
        table="robustness",
        unit="share of changed rows",
        alt="For each kind of small change the share of changed rows whose prediction flips, with "
        "its 95 % interval.",
    )


def _columns_figure() -> Figure:
    return Figure(
        kind="intervals",
        title="Predictions that flip when one column is missing or moves (test)",
        table="robustness_columns",
        unit="share of changed rows",
        alt="For each column the share of rows whose prediction flips when it is missing, or moves "
        "by a quarter or one standard deviation, the largest first.",
    )
