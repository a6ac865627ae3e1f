"""Is the candidate better than another model on the same rows?

Guarantees: an undefined metric, too few rows, or too few rows that tell the two apart never let
the candidate win.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tasks.checks import Check, Outcome
from tasks.gate.contest import STAGE, Contest, Opponent
from tasks.gate.rules import (
    Decision,
    Rule,
    decide,
    in_test_rows,
    is_known,
    lower_limit,
    rows_needed,
    rows_sentence,
    tolerance,
    too_few_discordant,
)
from tasks.gate.spending import FIRST_LEVEL, percent
from tasks.intervals import Difference
from tasks.metrics.undefined import explain_undefined
from tasks.project.decision_sections import GateSection


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found against one opponent.

    `rows_needed` are the test rows, those that are there too, at which it would be decided; None
    where rows will not help.
    """

    check: Check
    opponent: Opponent
    difference: Difference | None = None
    rows_needed: int | None = None


def compare(
    contest: Contest,
    opponent: Opponent,
    *,
    rule: Rule,
    gate: GateSection,
    test_rows: int,
    too_small: str,
) -> Finding:
    """The candidate against one opponent, as a check; `too_small` says why nothing can be judged.

    `test_rows` counts all test rows; the contest may hold fewer.

    Failed means that the candidate is not better (or, for a refresh, worse); undecided is
    `not_applicable` and required.
    """
    if opponent.predictions is None:
        problem = opponent.problem.rstrip(".") or "it gave no predictions"
        detail = f"The {opponent.label} cannot be compared with: {problem}."
        return Finding(check=_check(contest, opponent, rule, gate, detail), opponent=opponent)
    difference = contest.difference(opponent.predictions)
    compared = len(contest.labels)
    needed = in_test_rows(rows_needed(difference, rule, gate), compared, test_rows)
    decision = decide(difference, rule, gate)
    numbers = describe(contest.metric, difference)
    more = rows_sentence(needed, test_rows)
    if too_small:
        detail, decision = f"Not judged against the {opponent.label}: {too_small}", "undecided"
    elif not is_known(difference):
        detail = _undefined(contest, opponent, difference)
    elif too_few_discordant(difference, gate):
        decision = "undecided"
        detail = (
            f"Only {difference.discordant} rows tell the candidate from the {opponent.label}, "
            f"and the gate needs {gate.min_discordant}: {numbers}; {more}."
        )
    elif decision == "undecided":
        detail = (
            f"It is not settled whether the candidate {_aim(rule)} the {opponent.label}: "
            f"{numbers}; {more}.{_first_would(contest, opponent, rule, gate)}"
        )
    else:
        detail = f"{_ruling(decision == 'better', rule, gate, opponent)}: {numbers}."
    return Finding(
        check=_check(contest, opponent, rule, gate, detail, difference, decision),
        opponent=opponent,
        difference=difference,
        rows_needed=needed,
    )


def describe(metric: str, difference: Difference) -> str:
    """The difference in words: value, interval, rows, and McNemar's p where there is one."""
    text = (
        f"{metric} differs by {difference.value:+.4f} ({percent(difference.level)} interval "
        f"{difference.low:+.4f} to "
        f"{difference.high:+.4f}, {difference.n} rows"
    )
    if difference.p_value is not None:
        text += f", McNemar p {difference.p_value:.3g}"
    return text + ", positive is better)"


def _first_would(contest: Contest, opponent: Opponent, rule: Rule, gate: GateSection) -> str:
    """A sentence where the judgements before this one are why it is open; else empty."""
    if contest.level <= FIRST_LEVEL or opponent.predictions is None:
        return ""
    first = replace(contest, level=FIRST_LEVEL).difference(opponent.predictions)
    if decide(first, rule, gate) == "undecided":
        return ""
    return (
        f" The {percent(FIRST_LEVEL)} interval of a first judgement ({first.low:+.4f} to "
        f"{first.high:+.4f}) would have decided it: earlier judgements of the same test rows "
        "spent that."
    )


def _aim(rule: Rule) -> str:
    return {"refresh": "keeps up with", "anchor": "stays within the budget of"}.get(rule, "beats")


def _ruling(better: bool, rule: Rule, gate: GateSection, opponent: Opponent) -> str:
    tolerated = tolerance(rule, gate)
    if tolerated is not None:
        verb = "is within" if better else "falls behind by more than"
        loss = f"{'budget' if rule == 'anchor' else 'margin'} of {tolerated:g}"
        return f"The candidate {verb} the {loss} of the {opponent.label}"
    if better:
        return f"The candidate beats the {opponent.label}"
    return f"The candidate does not beat the {opponent.label} by {gate.min_gain:g} or more"


def _undefined(contest: Contest, opponent: Opponent, difference: Difference) -> str:
    metric, why = contest.metric, explain_undefined(contest.labels)
    reason = f"{why[0].upper()}{why[1:]}." if why else ""
    side = "candidate" if not contest.is_defined() else opponent.label
    if not contest.is_defined() or math.isnan(difference.value):
        undefined = f"{metric} of the {side} is undefined on the {difference.n} rows compared."
        return f"{undefined} {reason}".rstrip()
    undefined = (
        f"The difference in {metric} to the {opponent.label} has no interval: the metric is "
        f"undefined in {difference.undefined_share:.1%} of the resamples, and 1 % is allowed."
    )
    return f"{undefined} {reason}".rstrip()


def _check(
    contest: Contest,
    opponent: Opponent,
    rule: Rule,
    gate: GateSection,
    detail: str,
    difference: Difference | None = None,
    decision: Decision = "undecided",
) -> Check:
    known = difference is not None and is_known(difference)
    shown = "anchor" if rule == "anchor" else "differences"
    outcome: Outcome = "not_applicable"
    if decision != "undecided":
        outcome = "passed" if decision == "better" else "failed"
    return Check(
        id=f"{STAGE}.anchor" if rule == "anchor" else f"{STAGE}.beats_{opponent.key}",
        stage=STAGE,
        title=f"The candidate {_aim(rule)} the {opponent.label}: lower end of the gain in "
        f"{contest.metric}",
        severity="critical",
        outcome=outcome,
        detail=detail,
        value=difference.value if difference and known else None,
        limit=lower_limit(rule, gate),
        interval=(difference.low, difference.high) if difference and known else None,
        n=len(contest.labels),
        evidence=shown if difference is not None else None,
        required=True,
    )
