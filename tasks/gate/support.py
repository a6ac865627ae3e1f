"""Are there enough test rows to compare two models on, of all of them or of a slice?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.checks import Check
from tasks.gate.contest import STAGE, Contest
from tasks.gate.rules import in_test_rows
from tasks.intervals import MIN_GROUPS
from tasks.project.decision_sections import GateSection


@dataclass(frozen=True, kw_only=True)
class Support:
    """The check, and at about how many test rows it would pass (None: unknown, or enough)."""

    check: Check
    rows_needed: int | None

    @property
    def too_small(self) -> str:
        """Why nothing can be compared; empty where there is enough."""
        return "" if self.check.outcome == "passed" else self.check.detail


@dataclass(frozen=True, kw_only=True)
class Lack:
    """Too little of something: how much there is, and how much is needed."""

    what: str
    have: int
    need: int
    by_rows: bool = True
    """Whether more rows bring more of it."""

    def __str__(self) -> str:
        return f"{self.have} {self.what} where {self.need} are needed"


def find_lacks(contest: Contest, *, min_rows: int, gate: GateSection) -> list[Lack]:
    """What the contest has too little of: rows, positives (two classes), groups (grouped rows)."""
    wants = [Lack(what="rows", have=len(contest.labels), need=min_rows)]
    positive = contest.positive_class
    if positive is not None:
        count = int((contest.labels == positive).sum())
        wants.append(Lack(what=f"rows of class {positive}", have=count, need=gate.min_positives))
    if contest.groups is not None:
        count = int(contest.groups.nunique(dropna=False))
        wants.append(Lack(what="groups", have=count, need=MIN_GROUPS))
    return [want for want in wants if want.have < want.need]


def measure_support(contest: Contest, *, test_rows: int, gate: GateSection) -> Support:
    """Whether rows, positives (two classes) and groups (grouped rows) suffice.

    `test_rows` counts all test rows; the contest may hold fewer, because rows that either model
    was fitted or tuned on are left out.
    """
    n = len(contest.labels)
    lacks = find_lacks(contest, min_rows=gate.min_test_rows, gate=gate)
    if not pd.api.types.is_float_dtype(contest.labels.dtype) and contest.labels.nunique() < 2:
        # Whatever always answers with that class is right there, and tells nothing of the others.
        found = contest.labels.nunique()
        lacks.append(
            Lack(what="class" if found == 1 else "classes", have=found, need=2, by_rows=False)
        )
    shared = f"{n} of {test_rows} test rows can be compared"
    detail = f"{shared}, which is enough."
    if lacks:
        detail = f"Too little to compare: {shared}, with {' and '.join(map(str, lacks))}."
    check = Check(
        id=f"{STAGE}.support",
        stage=STAGE,
        title="Test rows that neither model was fitted on",
        severity="critical",
        outcome="not_applicable" if lacks else "passed",
        detail=detail,
        value=float(n),
        limit=float(gate.min_test_rows),
        n=n,
        required=True,
    )
    return Support(check=check, rows_needed=in_test_rows(rows_for(lacks, n), n, test_rows))


def rows_for(lacks: Sequence[Lack], n: int) -> int | None:
    """Compared rows at which nothing would lack, at the rates of the present `n`.

    None where nothing lacks, or something is not there at all.
    """
    if not lacks or any(lack.have == 0 or not lack.by_rows for lack in lacks):
        return None
    return max(-(-n * lack.need // lack.have) for lack in lacks)
