"""What do people reach on this task, and could they share a habit rather than the truth?

Guarantees: test items are told apart and feed nothing; where nothing is labelled twice, HLP is
unknown and the items needed are said; no claim goes beyond what the labels at hand can show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.checks import Check, Table
from tasks.intervals import Estimate, wilson
from tasks.labels.consensus import Consensus
from tasks.labels.findings import STAGE, LabelFinding
from tasks.labels.human_level import (
    ASSUMED_AGREEMENT,
    WIDTH,
    as_frame,
    compare_with_others,
    human_level,
    items_to_label_twice,
    mean_of_ratios,
)
from tasks.labels.rated_rows import RatedRows
from tasks.project.sections import Project
from tasks.tagging.rules import rule_tags

OUTPUT = "human_level"
_TITLE = "Human-level performance: one person against the consensus of the others"
_SAME = 0.995
_HIGH = 0.9


def judge_human_level(
    rows: RatedRows | None,
    majority: Consensus | None,
    project: Project,
    allow_imports: Sequence[str] = (),
) -> LabelFinding:
    """HLP of the train and dev items that several people labelled; `outputs` has it as a frame.

    `allow_imports` names the packages that functions which are tags may come from.
    """
    unknown = _unknown_because(rows)
    if rows is None or unknown:
        return LabelFinding(checks=(_unknown(unknown),), outputs={OUTPUT: as_frame([])})
    slices = rule_tags(project, rows.frame, allow_imports)
    votes = rows.votes.copy()
    votes[(rows.sides == "test").to_numpy()] = 0
    compared = compare_with_others(votes)
    roles = rows.roles
    found = human_level(compared, rows.classes, rows.units, roles.positive_class, slices.masks)
    overall = _overall(found)
    tested = _on_test(rows)
    habit = None if majority is None else _habit(rows, majority, overall)
    shown = found if tested is None else pd.concat([found, tested], ignore_index=True)
    checks = [_level_check(overall, rows, tested)]
    if habit is not None:
        checks.append(_habit_check(habit))
    return LabelFinding(
        checks=tuple(checks),
        summary=f"people {overall.value:.1%}",
        metrics={f"{STAGE}.human_level": overall.value},
        facts={
            "human_level": {
                "accuracy": overall.value,
                "low": overall.low,
                "high": overall.high,
                "n": overall.n,
            }
        },
        tables={
            OUTPUT: Table(
                title="Human-level performance",
                frame=shown,
                note="One label of an item against the consensus of the others, a tie among them "
                "counting as a guess. Train and dev items; of test: told apart, and not used. "
                "value: accuracy on slices; by class recall, precision and F1.",
            )
        },
        outputs={OUTPUT: found},
    )


def _unknown_because(rows: RatedRows | None) -> str:
    """What keeps HLP from being known; empty where nothing does."""
    if rows is None:
        return "no item is labelled by two people"
    if not rows.comparable:
        return "the ratings are not in the classes of the target"
    judged = int((rows.votes[rows.judged].sum(axis=1) >= 2).sum())
    return "" if judged else "no train or dev item has two labels"


def _unknown(because: str) -> Check:
    a, w = ASSUMED_AGREEMENT, WIDTH
    return Check(
        id=f"{STAGE}.human_level",
        stage=STAGE,
        title=_TITLE,
        severity="info",
        outcome="not_applicable",
        n=0,
        detail=(
            f"Human-level performance is unknown: {because}. Have {items_to_label_twice(a, w)} "
            f"items drawn at random labelled by a second person, for a 95 % interval of +-{w:g} "
            f"at an agreement of {a:g}: n = 1.96^2 x {a:g} x {1 - a:g} / {w:g}^2."
        ),
    )


def _overall(found: pd.DataFrame) -> Estimate:
    row = found[(found["of"] == "overall") & (found["metric"] == "accuracy")].iloc[0]
    return Estimate(
        value=float(row["value"]), low=float(row["low"]), high=float(row["high"]), n=int(row["n"])
    )


def _on_test(rows: RatedRows) -> pd.DataFrame | None:
    """The accuracy on test items, for the table alone."""
    votes = rows.votes.copy()
    votes[rows.judged] = 0
    compared = compare_with_others(votes)
    if not len(compared.rows):
        return None
    right = compared.both.sum(axis=1, keepdims=True)
    found = mean_of_ratios(right, np.ones_like(right), rows.units[compared.rows])
    return as_frame([("test", "", "accuracy", found)])


def _level_check(overall: Estimate, rows: RatedRows, tested: pd.DataFrame | None) -> Check:
    sizes = rows.votes.sum(axis=1)
    most = int(sizes[sizes >= 2].max())
    detail = (
        f"One person's label is the consensus of the others on {overall.value:.1%} of "
        f"{overall.n:,} train and dev items that several people labelled"
    )
    if tested is not None:
        first = tested.iloc[0]
        detail += f" ({first['value']:.1%} of {first['n']:,} test items, apart)"
    if most == 2:
        detail += "; of two labels that differ, a third would tell who errs"
    if overall.low >= _HIGH:
        detail += "; an error that all share counts as agreement here"
    return Check(
        id=f"{STAGE}.human_level",
        stage=STAGE,
        title=_TITLE,
        severity="info",
        outcome="passed",
        value=overall.value,
        interval=(overall.low, overall.high),
        n=overall.n,
        detail=f"{detail}.",
        evidence=OUTPUT,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Habit:
    """How often the consensus of people is the label, beside how often people agree."""

    overall: Estimate
    same: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.same, self.n)


def _habit(rows: RatedRows, majority: Consensus, overall: Estimate) -> _Habit | None:
    judged = np.zeros(len(rows.votes), dtype=bool)
    judged[rows.judged] = True
    settled = judged & (majority.label >= 0) & (rows.votes.sum(axis=1) >= 2) & (rows.target >= 0)
    n = int(settled.sum())
    if not n:
        return None
    same = int((settled & (majority.label == rows.target)).sum())
    return _Habit(overall=overall, same=same, n=n)


def _habit_check(habit: _Habit) -> Check:
    """Whether the label, where it was not made from these people, bears their consensus out.

    A label that is the consensus nearly everywhere was made from it and proves nothing. Else a
    consensus that is the label less often than people agree among themselves is suspicious: the
    errors of people who err each on their own cancel out in it.
    """
    share, (low, high) = habit.same / habit.n, habit.interval
    agree = f"People agree with each other on {habit.overall.value:.1%}"
    start = f"the consensus is the label on {share:.1%} of {habit.n:,} items"
    if share >= _SAME:
        outcome = "not_applicable"
        detail = (
            f"{agree}, and {start}: the label says what they say, so nothing here tells truth from "
            "a shared habit. Have a sample labelled by somebody independent, or by what turned out."
        )
    elif high < habit.overall.low:
        outcome = "failed"
        detail = (
            f"{agree}, but {start}: they may share a habit rather than the truth, or the label "
            "follows another definition. Compare the two on the items of the table 'consensus'."
        )
    else:
        outcome = "passed"
        detail = f"{agree}, and {start}: no sign that they share a habit which the label denies."
    return Check(
        id=f"{STAGE}.shared_habit",
        stage=STAGE,
        title="The consensus of people is borne out by the label",
        severity="warning",
        outcome=outcome,  # type: ignore[arg-type]
        value=share,
        limit=habit.overall.low,
        interval=(low, high),
        n=habit.n,
        detail=detail,
        evidence="consensus",
    )
