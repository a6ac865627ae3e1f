"""Is the candidate still close enough to a pinned model, however many small steps led here?

Guarantees: an anchor that is declared is compared with or blocks; only test rows that neither it
nor the candidate was fitted or tuned on count, and how many those are is said.
"""

from __future__ import annotations

from dataclasses import replace

from tasks.checks import Check
from tasks.gate.comparison import Finding, compare
from tasks.gate.contest import STAGE, Contest, Opponent
from tasks.gate.support import measure_support
from tasks.project.decision_sections import GateSection


def judge_anchor(contest: Contest, anchor: Opponent | None, gate: GateSection) -> Finding | None:
    """The candidate against the anchor; `contest` holds all test rows.

    Passed where the lower end of the interval is above minus the budget, failed where the upper
    end is below it, else undecided: `not_applicable` and required, as for an anchor that cannot be
    compared with. Without a declared anchor: for a refresh, whose losses can add up, a check of
    severity info that says so; else None.

    Raises ValueError for an anchor that is not the declared version.
    """
    if anchor is not None and anchor.version != gate.anchor:
        raise ValueError(f"the anchor is version {anchor.version}, and {gate.anchor} is declared")
    if gate.anchor is None:
        return _undeclared(gate) if gate.intent == "refresh" else None
    anchor = anchor or Opponent.of_version(
        "anchor", gate.anchor, None, problem="that version was not found"
    )
    shared = contest.comparable_with(anchor)
    test_rows = len(contest.labels)
    support = measure_support(shared, test_rows=test_rows, gate=gate)
    found = compare(
        shared,
        anchor,
        rule="anchor",
        gate=gate,
        test_rows=test_rows,
        too_small=support.too_small,
    )
    if found.difference is None:
        return found
    if not support.too_small:
        told = f"{found.check.detail} {support.check.detail}"
        return replace(found, check=replace(found.check, detail=told))
    rows = support.rows_needed
    return replace(found, rows_needed=rows and max(rows, found.rows_needed or 0))


def _undeclared(gate: GateSection) -> Finding:
    check = Check(
        id=f"{STAGE}.anchor",
        stage=STAGE,
        title="The candidate stays within the budget of an anchor",
        severity="info",
        outcome="not_applicable",
        detail=f"No anchor is declared, and losses within the margin of {gate.margin:g} can add up "
        "from refresh to refresh: set gate.anchor to the version of a model that no later one may "
        f"fall behind by more than gate.budget ({gate.budget:g}).",
    )
    return Finding(check=check, opponent=Opponent(key="anchor", label="anchor", predictions=None))
