"""Do the checks of the earlier stages leave the model fit to ship at all?"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.checks import Check, Outcome, stage_outcome
from tasks.gate.contest import STAGE

_MOST_NAMED = 5


def absolute_checks(checks: Sequence[Check], expected_stages: Sequence[str]) -> Check:
    """One check over all of `checks`: failed when one of them failed and blocks.

    Undecided, and so blocking, when one could not be judged though it had to be, or when a stage
    of `expected_stages`, or any stage that appears, judged nothing.
    """
    failed = [check for check in checks if check.blocks and check.outcome == "failed"]
    unjudged = [check for check in checks if check.blocks and check.outcome != "failed"]
    empty = _stages_without_judgement(checks, expected_stages)
    evaluated = sum(check.outcome in ("passed", "failed") for check in checks)
    outcome: Outcome = "not_applicable"
    if failed:
        outcome, detail = "failed", f"{_count(failed)} failed: {_named(failed)}."
    elif unjudged:
        detail = f"{_count(unjudged)} could not be judged: {_named(unjudged)}."
    elif not evaluated:
        detail = "Nothing was judged before the gate."
    elif empty:
        detail = f"Nothing was judged in {', '.join(empty)}."
    else:
        outcome = "passed"
        detail = f"None of the {evaluated} checks judged in earlier stages blocks."
    return Check(
        id=f"{STAGE}.absolute_checks",
        stage=STAGE,
        title="Checks of earlier stages that block",
        severity="critical",
        outcome=outcome,
        detail=detail,
        value=float(len(failed) + len(unjudged)),
        limit=0.0,
        n=len(checks),
        evidence="reasons",
        required=True,
    )


def blocking_details(checks: Sequence[Check]) -> list[str]:
    """What the blocking checks say, those that failed first."""
    blocking = [check for check in checks if check.blocks]
    blocking.sort(key=lambda check: check.outcome != "failed")
    return [check.detail for check in blocking]


def _stages_without_judgement(checks: Sequence[Check], expected: Sequence[str]) -> list[str]:
    stages = dict.fromkeys([*expected, *(check.stage for check in checks)])
    return [
        stage
        for stage in stages
        if stage_outcome([check for check in checks if check.stage == stage]) == "blocked"
    ]


def _count(checks: Sequence[Check]) -> str:
    return f"{len(checks)} blocking check{'s' if len(checks) > 1 else ''}"


def _named(checks: Sequence[Check]) -> str:
    names = ", ".join(check.id for check in checks[:_MOST_NAMED])
    more = len(checks) - _MOST_NAMED
    return f"{names} and {more} more" if more > 0 else names
