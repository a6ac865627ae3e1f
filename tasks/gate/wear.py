"""Have the test rows been judged by so often that their answers are worn out, and what is left?

Guarantees: the level of a judgement follows from the judgements that the test rows have seen
(`tasks.wear` counts them, `tasks.gate.spending` has the rule); beyond `gate.max_wear` nothing
passes, whatever is left to spend.

Each model that is judged and changed in the light of the answer fits the test set a little more:
Dwork and others, "The reusable holdout", Science 349 (2015) 636.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from tasks.checks import Check, Table
from tasks.gate.contest import STAGE
from tasks.gate.spending import interval_level, left_to_spend, one_sided_level, percent
from tasks.project.decision_sections import GateSection
from tasks.wear import Wear


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What a judgement may spend: its chance of a wrong promotion, of `total` in all.

    `level` is that of the two-sided interval that decides, `left` what later ones may spend.
    """

    one_sided: float
    left: float
    total: float

    @property
    def level(self) -> float:
        """The two-sided level of the interval."""
        return interval_level(self.one_sided)


def measure_spending(wear: Wear, gate: GateSection) -> Spending:
    """What the next judgement after `wear` spends."""
    total = gate.error_to_spend
    return Spending(
        one_sided=one_sided_level(wear.judgements, total),
        left=left_to_spend(wear.judgements, total),
        total=total,
    )


def judge_wear(wear: Wear, spending: Spending, gate: GateSection, test_rows: int) -> Check:
    """Whether the judgements that the test rows have seen, this one included, are within the limit.

    Beyond the limit nothing passes: `not_applicable` and required.
    """
    limit = gate.max_wear
    worn = wear.judgements > limit
    detail = wear_sentence(wear, spending)
    if worn:
        detail += f" That is beyond gate.max_wear ({limit}): {_renewal(wear, limit, test_rows)}."
    return Check(
        id=f"{STAGE}.wear",
        stage=STAGE,
        title="Judgements that the test rows have seen, by rows",
        severity="critical",
        outcome="not_applicable" if worn else "passed",
        detail=detail,
        value=wear.judgements,
        limit=float(limit),
        n=test_rows,
        evidence="judgements" if wear.earlier else None,
        required=True,
    )


def wear_sentence(wear: Wear, spending: Spending) -> str:
    """How many judgements there were, and what this one and the later ones may spend."""
    if not wear.earlier:
        seen = "This is the first judgement of these test rows"
    else:
        by_rows = "" if wear.judgements == wear.in_number else f", by rows {wear.judgements:.2f}"
        elsewhere = f"; {wear.elsewhere}" if wear.elsewhere else ""
        seen = f"This is judgement {wear.in_number} of these test rows{by_rows}{elsewhere}"
    return (
        f"{seen}: it decides by an interval of {percent(spending.level)}, and spends "
        f"{percent(spending.one_sided)} of the {percent(spending.total)} by which all may promote "
        f"wrongly; {percent(spending.left)} are left."
    )


def wear_facts(wear: Wear, spending: Spending) -> dict[str, Any]:
    """What the verdict keeps: how worn, the level, what is left, and all that led there."""
    return {
        "in_number": wear.in_number,
        "one_sided_level": spending.one_sided,
        "left_to_spend": spending.left,
        "error_to_spend": spending.total,
        "elsewhere": wear.elsewhere,
        "sentence": wear_sentence(wear, spending),
        "facts": wear.facts(),
    }


def wear_table(wear: Wear) -> dict[str, Table]:
    """The earlier judgements, one a row; none where there was none."""
    if not wear.earlier:
        return {}
    return {
        "judgements": Table(
            title="Earlier judgements of these test rows",
            frame=pd.DataFrame([asdict(one) for one in wear.earlier]),
            note="entry: in the ledger of that project; share: of today's test rows, those that "
            "lay before that judgement, on whatever side.",
        )
    }


def _renewal(wear: Wear, limit: int, test_rows: int) -> str:
    """How many new rows would bring the judgements down to the limit."""
    if limit == 1:
        rows = "only test rows that no model was judged on renew it"
    else:
        more = math.ceil(test_rows * ((wear.judgements - 1) / (limit - 1) - 1))
        rows = f"about {max(more, 1)} new test rows renew it"
    return f"{rows}; another split.epoch does not"
