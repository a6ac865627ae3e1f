"""Is a candidate that is measured against a champion better than the baselines, too?

Guarantees: beating a champion is not enough where no baseline is beaten, as when the champion has
gone bad on today's rows; a baseline that could not be compared with blocks. The constant has to be
beaten by the lower end of a 95 % interval; the quick baseline by the value, since the comparison
with the champion is what decides between two models that both know something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tasks.checks import Check, Outcome
from tasks.gate.comparison import Finding, compare
from tasks.gate.contest import STAGE, Contest, Opponent
from tasks.gate.spending import FIRST_LEVEL
from tasks.metrics.values import HIGHER_IS_BETTER
from tasks.project.decision_sections import GateSection


def judge_backstop(
    contest: Contest,
    baselines: Sequence[Opponent],
    *,
    gate: GateSection,
    test_rows: int,
    too_small: str,
) -> tuple[Finding, ...]:
    """One finding a baseline, on the rows of the contest with the champion.

    None where the rows are `too_small` to compare anything, or the candidate has no value on them:
    both block by themselves.
    """
    if too_small or not contest.is_defined():
        return ()
    # A condition that can only keep a promotion back spends nothing.
    alone = replace(contest, level=FIRST_LEVEL)
    found = []
    for baseline in baselines:
        if baseline.key == "quick":
            found.append(_by_value(contest, baseline))
            continue
        against = compare(
            alone, baseline, rule="first_model", gate=gate, test_rows=test_rows,
            too_small="",
        )  # fmt: skip
        # The page's table of differences holds those that decide.
        found.append(replace(against, check=replace(against.check, evidence=None)))
    return tuple(found)


def _by_value(contest: Contest, baseline: Opponent) -> Finding:
    """Whether the candidate's value is the better one."""
    own, other = math.nan, math.nan
    if baseline.predictions is None:
        detail = f"The {baseline.label} gave no predictions to compare with."
    else:
        own, other = contest.values(baseline.predictions)
        theirs = f"{other:.4f}" if math.isfinite(other) else "undefined"
        detail = (
            f"{contest.metric} is {own:.4f}, that of the {baseline.label} is {theirs} "
            f"({len(contest.labels)} rows)."
        )
    sign = 1 if HIGHER_IS_BETTER.get(contest.metric, True) else -1
    gain = sign * (own - other)
    outcome: Outcome = "not_applicable"
    if math.isfinite(gain):
        outcome = "passed" if gain > 0 else "failed"
    verb = {"passed": "is above", "failed": "is not above"}.get(outcome, "cannot be told from")
    return Finding(
        check=Check(
            id=f"{STAGE}.beats_{baseline.key}",
            stage=STAGE,
            title=f"The candidate is above the {baseline.label}: gain in {contest.metric}",
            severity="critical",
            outcome=outcome,
            detail=f"The candidate {verb} the {baseline.label}: {detail}",
            value=gain if math.isfinite(gain) else None,
            limit=0.0,
            n=len(contest.labels),
            required=True,
        ),
        opponent=baseline,
    )
