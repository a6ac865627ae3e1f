"""The verdict: promote, reject or inconclusive, with every reason.

Guarantees: a model is promoted only when every earlier check allows it, there are enough rows,
and an interval, not a point, says that it is better; whatever is missing, undefined or unjudged
gives `inconclusive` or `reject`. The same inputs and seed give the same verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from tasks.checks import Check, StageResult
from tasks.gate import evidence
from tasks.gate.absolute import absolute_checks
from tasks.gate.anchor import judge_anchor
from tasks.gate.backstop import judge_backstop
from tasks.gate.comparison import compare
from tasks.gate.constant import warn_of_constant
from tasks.gate.contest import STAGE, Contest, Opponent
from tasks.gate.guards import guard_slices
from tasks.gate.rules import Rule, lower_limit, rows_sentence
from tasks.gate.support import measure_support
from tasks.gate.verdict import Judgement
from tasks.gate.wear import judge_wear, measure_spending, wear_facts, wear_table
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.wear import Wear


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """All that a verdict rests on: `whole` has all test rows, and the rest is as for `judge`."""

    whole: Contest
    champion: Opponent | None
    baselines: Sequence[Opponent]
    anchor: Opponent | None
    wear: Wear
    absolute: Sequence[Check]
    project: Project
    frame: pd.DataFrame | None = None
    expected_stages: Sequence[str] = ()


def judge(  # noqa: PLR0913
    *,
    labels: pd.Series,
    candidate: pd.DataFrame,
    champion: Opponent | None,
    constant: pd.DataFrame | None,
    quick: pd.DataFrame | None,
    anchor: Opponent | None,
    wear: Wear,
    metric: str,
    absolute: Sequence[Check],
    project: Project,
    roles: Roles,
    groups: pd.Series | None = None,
    frame: pd.DataFrame | None = None,
    expected_stages: Sequence[str] = (),
) -> StageResult:
    """Whether the candidate may become the champion.

    `labels` are the test labels; predictions are matched to them by row key, and a row without
    one makes the model's metric undefined. Without a `champion` the candidate has to beat the
    constant and the quick baseline by the rule of `improve`; with one it still has to beat the
    constant, and to be above the quick baseline (`tasks.gate.backstop`). A champion or an anchor
    that cannot score these rows is an opponent with a problem. `anchor` is the version that the
    project declares, `wear` the judgements that the test rows have seen: they set the level.
    `absolute` are the checks of all earlier stages, `expected_stages` those that must have judged
    something. `groups` names the group of each test row where rows are grouped. `frame` holds the
    columns of the guarded slices, for the test rows at least; the whole curated table gives
    quartiles that are the same on every side.

    Facts: verdict, reasons, rule, metric, against, anchor (its version), wear (judgements by rows),
    level (of the interval that decides), spending (what led to it, and what is left), difference
    (the hardest of those to the champion or the baselines), differences (with the anchor's),
    rows_compared; rows_needed, all test rows at which it would be decided, rows_more, how many of
    those are not there yet, and rows_needed_reason.

    Raises ValueError for an unknown metric, a mask of another length, an anchor that is not the
    declared one, ProjectFileError for a guarded slice whose column is absent.
    """
    case = Case(
        whole=_contest(labels, candidate, metric, project, roles, groups),
        champion=champion,
        baselines=(
            Opponent(key="constant", label="constant baseline", predictions=constant),
            Opponent(key="quick", label="quick baseline", predictions=quick),
        ),
        anchor=anchor,
        wear=wear,
        absolute=absolute,
        project=project,
        frame=frame,
        expected_stages=expected_stages,
    )
    return _result(case, weigh(case))


def _contest(
    labels: pd.Series,
    candidate: pd.DataFrame,
    metric: str,
    project: Project,
    roles: Roles,
    groups: pd.Series | None,
) -> Contest:
    return Contest(
        metric=metric,
        labels=labels,
        candidate=candidate.reindex(labels.index),
        positive_class=roles.positive_class,
        replicates=project.gate.replicates,
        seed=project.seed,
        groups=None if groups is None else groups.reindex(labels.index),
    )


def weigh(case: Case) -> Judgement:
    """All that `judge` finds, and so its verdict, without the evidence for a reader.

    Raises as `judge`.
    """
    champion, baselines, project = case.champion, case.baselines, case.project
    gate = project.gate
    spent = measure_spending(case.wear, gate)
    whole = replace(case.whole, level=spent.level)
    contest = whole.comparable_with(champion)
    rule: Rule = "first_model" if champion is None else gate.intent
    test_rows = len(whole.labels)
    support = measure_support(contest, test_rows=test_rows, gate=gate)
    return Judgement(
        rule=rule,
        absolute=case.absolute,
        summary=absolute_checks(case.absolute, case.expected_stages),
        support=support,
        wear=judge_wear(case.wear, spent, gate, test_rows),
        spending=spent,
        findings=[
            compare(
                contest,
                opponent,
                rule=rule,
                gate=gate,
                test_rows=test_rows,
                too_small=support.too_small,
            )
            for opponent in (baselines if champion is None else (champion,))
        ],
        anchor=judge_anchor(whole, case.anchor, gate),
        guards=guard_slices(
            contest,
            None if support.too_small else champion,
            frame=case.frame,
            project=project,
            test_rows=test_rows,
        ),
        backstop=()
        if champion is None
        else judge_backstop(
            contest, baselines, gate=gate, test_rows=test_rows, too_small=support.too_small
        ),
        warnings=()
        if support.too_small
        else warn_of_constant(contest, baselines, project.training.metric),
    )


def _result(case: Case, judgement: Judgement) -> StageResult:
    whole, champion, wear, project = case.whole, case.champion, case.wear, case.project
    models = case.baselines if champion is None else (champion, *case.baselines)
    spent = judgement.spending
    contest = replace(whole, level=spent.level).comparable_with(champion)
    test_rows = len(whole.labels)
    verdict, reasons = judgement.verdict, judgement.reasons
    needed = evidence.rows_needed(
        (*judgement.compared, *judgement.backstop, *judgement.guards),
        judgement.support,
        only_rows=judgement.only_rows_missing,
    )
    tables = evidence.tables(contest, models, judgement.findings, judgement.anchor, reasons)
    tables |= wear_table(wear)
    limits = {
        "differences": lower_limit(judgement.rule, project.gate),
        "anchor": lower_limit("anchor", project.gate),
    }
    against = models[0].version or "constant and quick baselines"
    return StageResult(
        stage=STAGE,
        summary=f"{verdict}: {reasons[0]}",
        checks=judgement.checks,
        metrics=evidence.metrics(judgement.compared),
        facts={
            "verdict": verdict,
            "reasons": reasons,
            "rule": judgement.rule,
            "metric": contest.metric,
            "against": against,
            "anchor": project.gate.anchor,
            "wear": wear.judgements,
            "level": spent.level,
            "spending": wear_facts(wear, spent),
            "difference": evidence.hardest(evidence.difference_rows(judgement.findings)),
            "differences": evidence.difference_rows(judgement.compared),
            "rows_compared": len(contest.labels),
            "rows_needed": needed,
            "rows_more": None if needed is None else needed - test_rows,
            "rows_needed_reason": (
                rows_sentence(needed, test_rows) if verdict == "inconclusive" else ""
            ),
        },
        tables=tables,
        figures=evidence.figures(contest, tables, limits),
    )
