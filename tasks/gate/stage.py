"""The verdict: promote, reject or inconclusive, with every reason.

Guarantees: a model is promoted only when every earlier check allows it, there are enough rows,
and an interval, not a point, says that it is better; whatever is missing, undefined or unjudged
gives `inconclusive` or `reject`. The same inputs and seed give the same verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.checks import Check, StageResult
from tasks.gate import evidence
from tasks.gate.absolute import absolute_checks
from tasks.gate.comparison import STAGE, Contest, Opponent, compare
from tasks.gate.guards import guard_slices
from tasks.gate.rules import Rule, lower_limit
from tasks.gate.support import measure_support
from tasks.gate.verdict import Judgement
from tasks.project.roles import Roles
from tasks.project.sections import Project


def judge(  # noqa: PLR0913
    *,
    labels: pd.Series,
    candidate: pd.DataFrame,
    champion: pd.DataFrame | None,
    constant: pd.DataFrame | None,
    quick: pd.DataFrame | None,
    metric: str,
    absolute: Sequence[Check],
    project: Project,
    roles: Roles,
    comparable: npt.NDArray[np.bool_] | None = None,
    champion_version: str | None = None,
    champion_problem: str | None = None,
    groups: pd.Series | None = None,
    frame: pd.DataFrame | None = None,
    expected_stages: Sequence[str] = (),
) -> StageResult:
    """Whether the candidate may become the champion.

    `labels` are the test labels; predictions are matched to them by row key, and a row without
    one makes the model's metric undefined. `comparable` marks the test rows that neither model
    was fitted or tuned on (default: all). Without a champion the candidate has to beat the
    constant and the quick baseline by the rule of `improve`. A champion that cannot score these
    rows is named by `champion_version`, with the reason in `champion_problem`. `absolute` are the
    checks of all earlier stages, `expected_stages` those that must have judged something.
    `groups` names the group of each test row where rows are grouped. `frame` holds the columns of
    the guarded slices, for the test rows at least; the whole curated table gives quartiles that
    are the same on every side.

    Facts: verdict, reasons, rule, metric, against, difference (the hardest of differences),
    differences, rows_compared, rows_needed and rows_needed_reason.

    Raises ValueError for an unknown metric or a mask of another length, ProjectError for a
    guarded slice whose column is absent.
    """
    contest = Contest(
        metric=metric,
        labels=labels,
        candidate=candidate.reindex(labels.index),
        positive_class=roles.positive_class,
        replicates=project.gate.replicates,
        seed=project.seed,
        groups=None if groups is None else groups.reindex(labels.index),
    ).where(_mask(comparable, len(labels)))
    baselines = (
        Opponent(key="constant", label="constant baseline", predictions=constant),
        Opponent(key="quick", label="quick baseline", predictions=quick),
    )
    serving = _serving(champion, champion_version, champion_problem)
    rule: Rule = "first_model" if serving is None else project.gate.intent
    support = measure_support(contest, test_rows=len(labels), gate=project.gate)
    findings = [
        compare(contest, opponent, rule=rule, gate=project.gate, too_small=support.too_small)
        for opponent in (baselines if serving is None else (serving,))
    ]
    guarded_against = None if support.too_small else serving
    judgement = Judgement(
        rule=rule,
        absolute=absolute,
        summary=absolute_checks(absolute, expected_stages),
        support=support,
        findings=findings,
        guards=guard_slices(contest, guarded_against, frame=frame, project=project),
    )
    return _result(contest, judgement, serving, baselines, project)


def _result(
    contest: Contest,
    judgement: Judgement,
    serving: Opponent | None,
    baselines: tuple[Opponent, ...],
    project: Project,
) -> StageResult:
    findings, verdict, reasons = judgement.findings, judgement.verdict, judgement.reasons
    differences = evidence.difference_rows(findings)
    needed = evidence.rows_needed(
        findings, judgement.support, only_rows=judgement.only_rows_missing
    )
    tables = evidence.tables(
        contest, baselines if serving is None else (serving, *baselines), findings, reasons
    )
    return StageResult(
        stage=STAGE,
        summary=f"{verdict}: {reasons[0]}",
        checks=judgement.checks,
        metrics=evidence.metrics(findings),
        facts={
            "verdict": verdict,
            "reasons": reasons,
            "rule": judgement.rule,
            "metric": contest.metric,
            "against": "constant and quick baselines" if serving is None else serving.version,
            "difference": evidence.hardest(differences),
            "differences": differences,
            "rows_compared": len(contest.labels),
            "rows_needed": needed,
            "rows_needed_reason": (
                evidence.rows_sentence(needed) if verdict == "inconclusive" else ""
            ),
        },
        tables=tables,
        figures=evidence.figures(contest.metric, tables, lower_limit(judgement.rule, project.gate)),
    )


def _serving(
    predictions: pd.DataFrame | None, version: str | None, problem: str | None
) -> Opponent | None:
    """The champion as an opponent, also where it cannot score; None where there is none."""
    if predictions is None and version is None and problem is None:
        return None
    return Opponent(
        key="champion",
        label=f"champion {version}" if version else "champion",
        predictions=None if problem else predictions,
        problem=problem or "",
        version=version or "champion",
    )


def _mask(comparable: npt.NDArray[np.bool_] | None, rows: int) -> npt.NDArray[np.bool_]:
    if comparable is None:
        return np.ones(rows, dtype=bool)
    if len(comparable) != rows:
        raise ValueError(f"comparable marks {len(comparable)} rows, and there are {rows} labels")
    return np.asarray(comparable, dtype=bool)
