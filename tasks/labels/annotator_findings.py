"""Who stands apart from the others, and does everybody agree with himself?

Guarantees: annotators who are anonymous are never told apart; nobody is compared with a consensus
that contains his label; what is shown here is judged by a person, never by a limit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.checks import Check, Outcome, Table
from tasks.intervals import Estimate
from tasks.labels.annotators import (
    FEWEST_COMMON,
    PAIRS,
    compare_annotators,
    compare_pairs,
    pair_confusion,
    self_consistency,
)
from tasks.labels.disagreement import SHOWN_PAIRS
from tasks.labels.findings import STAGE, LabelFinding
from tasks.labels.rated_rows import RatedRows


def judge_annotators(rows: RatedRows | None) -> LabelFinding:
    """Each annotator against the others, pairs of them, and those who labelled an item again."""
    if rows is None or rows.ratings.annotator is None or not rows.several:
        return LabelFinding(checks=())
    ratings = rows.ratings
    each = compare_annotators(ratings, rows.votes, rows.units)
    pairs = compare_pairs(ratings, rows.project.seed, rows.units)
    tables = {
        "annotators": Table(
            title="Each annotator against the others",
            frame=each,
            note="agreement: with the consensus of the others of each item, the own label left "
            "out; a tie among them counts as a guess.",
        ),
        "annotator_pairs": Table(
            title="Pairs of annotators (Cohen's kappa)",
            frame=pairs,
            note=f"The {PAIRS} pairs with most items in common, {FEWEST_COMMON} at least; "
            "confused: the labels that the first and the other most often set against each other.",
        ),
        "pair_confusion": Table(
            title="What pairs of annotators call differently",
            frame=pair_confusion(ratings).head(SHOWN_PAIRS),
        ),
    }
    checks = annotator_check(each)
    overall, again = self_consistency(ratings)
    if overall is not None:
        checks += (
            shown_check(
                "self_consistency",
                "Annotators who labelled an item again say the same",
                overall,
                f"{overall.n:,} times an annotator labelled an item again, and said the same in "
                f"{overall.value:.1%}; nobody can agree with others more than with himself.",
                evidence="self_consistency",
            ),
        )
        tables["self_consistency"] = Table(title="Who says the same twice", frame=again)
    return LabelFinding(checks=checks, tables=tables)


def annotator_check(each: pd.DataFrame) -> tuple[Check, ...]:
    """The annotator whose interval ends lowest, where it ends below all the others' mean."""
    if len(each) < 2:
        return ()
    lowest = each.sort_values(["high", "annotator"]).iloc[0]
    rest = each[each["annotator"] != lowest["annotator"]]
    usual = float(np.average(rest["agreement"], weights=rest["n"]))
    apart = lowest["high"] < usual and len(each) > 2
    detail = (
        f"'{lowest['annotator']}' agrees with the others on {lowest['agreement']:.1%} of "
        f"{lowest['n']:,} items, where the rest do on {usual:.1%}"
    )
    detail += "; look at what this annotator reads differently." if apart else "."
    found = Estimate(
        value=float(lowest["agreement"]),
        low=float(lowest["low"]),
        high=float(lowest["high"]),
        n=int(lowest["n"]),
    )
    title = "Agreement of the annotator who agrees least with the others"
    return (shown_check("annotators", title, found, detail),)


def shown_check(
    what: str, title: str, found: Estimate, detail: str, evidence: str | None = None
) -> Check:
    """A number that is shown and not judged."""
    defined = not np.isnan([found.value, found.low, found.high]).any()
    outcome: Outcome = "passed" if defined else "not_applicable"
    return Check(
        id=f"{STAGE}.{what}",
        stage=STAGE,
        title=title,
        severity="info",
        outcome=outcome,
        value=found.value if defined else None,
        interval=(found.low, found.high) if defined else None,
        n=found.n,
        detail=detail,
        evidence=evidence or what,
    )
