"""Are there enough test rows to compare two models on?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.checks import Check
from tasks.gate.comparison import STAGE, Contest
from tasks.project.sections import GateSection

# A bootstrap of fewer groups understates its own uncertainty (Cameron, Gelbach and Miller,
# Review of Economics and Statistics 90 (2008) 414).
MIN_GROUPS = 10


@dataclass(frozen=True, kw_only=True)
class Support:
    """The check, and about how many test rows would pass it (None where unknown, or enough)."""

    check: Check
    rows_needed: int | None

    @property
    def too_small(self) -> str:
        """Why nothing can be compared; empty where there is enough."""
        return "" if self.check.outcome == "passed" else self.check.detail


def measure_support(contest: Contest, *, test_rows: int, gate: GateSection) -> Support:
    """Whether rows, positives (two classes) and groups (grouped rows) suffice.

    `test_rows` counts all test rows; the contest may hold fewer, because rows that either model
    was fitted or tuned on are left out.
    """
    n = len(contest.labels)
    wants: list[tuple[str, int, int]] = [("rows", n, gate.min_test_rows)]
    if contest.positive_class is not None:
        positives = int((contest.labels == contest.positive_class).sum())
        wants.append((f"rows of class {contest.positive_class}", positives, gate.min_positives))
    if contest.groups is not None:
        wants.append(("groups", int(contest.groups.nunique(dropna=False)), MIN_GROUPS))
    missing = [want for want in wants if want[1] < want[2]]
    shared = f"{n} of {test_rows} test rows can be compared"
    if missing:
        lacks = " and ".join(
            f"{have} {what} where {need} are needed" for what, have, need in missing
        )
        detail = f"Too little to compare: {shared}, with {lacks}."
    else:
        detail = f"{shared}, which is enough."
    check = Check(
        id=f"{STAGE}.support",
        stage=STAGE,
        title="Test rows that neither model was fitted on",
        severity="critical",
        outcome="not_applicable" if missing else "passed",
        detail=detail,
        value=float(n),
        limit=float(gate.min_test_rows),
        n=n,
        required=True,
    )
    return Support(check=check, rows_needed=_rows(n, missing))


def _rows(n: int, missing: list[tuple[str, int, int]]) -> int | None:
    """Rows at which all that is missing would be there, at the present rates."""
    if not missing or any(have == 0 for _, have, _ in missing):
        return None
    return max(math.ceil(n * need / have) for _, have, need in missing)
