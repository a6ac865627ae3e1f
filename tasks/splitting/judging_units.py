"""Is one example counted once, and on one side? Each check looks at the finished split."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from tasks.checks import Check, Outcome, Severity
from tasks.project.data_sections import SplitSection
from tasks.splitting.judging import STAGE
from tasks.splitting.sides import SIDES, side_counts

LARGE_UNIT = 0.1
"""A unit with this share of a side decides much of what is measured there."""


@dataclass(frozen=True)
class Copies:
    """All rows that were given a side, before copies were left out.

    `twins` has one number for rows that are equal in all features, `codes` for rows that hold one
    example; `late` marks those that are left out, as copies of a row on an earlier side.
    """

    sides: pd.Series
    twins: pd.Series
    codes: pd.Series
    late: pd.Series


def unit_checks(
    split: pd.DataFrame, copies: Copies, labels: pd.Series, rule: SplitSection
) -> list[Check]:
    """Everything about rows that belong together; `labels` are those of all rows of `copies`."""
    placed = ~copies.late
    sides, twins, codes = split["side"], copies.twins[placed], copies.codes[placed]
    checks = [
        unit_check(split),
        twin_check(twins, sides, by=rule.by),
        copy_check(twins, codes, sides),
        largest_unit_check(split),
    ]
    if rule.by == "time" or copies.late.any():
        checks.append(left_out_check(copies, labels))
    return checks


def unit_check(split: pd.DataFrame) -> Check:
    """Whether each split unit is on one side only."""
    crossing = int((split.groupby("unit")["side"].nunique() > 1).sum())
    units = split["unit"].nunique()
    return Check(
        id="splitting.no_unit_crosses",
        stage=STAGE,
        title="Split units on more than one side",
        severity="critical",
        outcome="failed" if crossing else "passed",
        detail=f"{crossing:,} of {units:,} split units are on more than one side."
        if crossing
        else f"Each of the {units:,} split units is on one side only.",
        value=float(crossing),
        limit=0.0,
        n=len(split),
    )


def twin_check(twins: pd.Series, sides: pd.Series, *, by: str) -> Check:
    """Whether rows that are equal in all features are on one side.

    In a split by group or time they may cross where equal rows come about by themselves: by group
    that is a warning, by time one where a tenth of dev or test repeats an earlier row.
    """
    clusters = sides.groupby(twins)
    repeated = int((clusters.size() > 1).sum())
    crossing = int((clusters.nunique() > 1).sum())
    ranks = sides.map(SIDES.index)
    again = (ranks > ranks.groupby(twins).transform("min")).groupby(sides).mean()
    outcome: Outcome = "failed" if crossing else "passed"
    severity: Severity = "critical" if by == "key" else "warning"
    if by == "time" and float(again.max() if len(again) else 0.0) < LARGE_UNIT:
        outcome, severity = "passed", "info" if crossing else "critical"
    if not repeated:
        detail = f"No two of the {len(twins):,} rows are equal in all features."
    elif not crossing:
        detail = f"{repeated:,} examples occur more than once, each on one side only."
    elif by == "time":
        listed = " and ".join(f"{again.get(s, 0.0):.1%} of {s}" for s in ("dev", "test"))
        detail = (
            f"{listed} equal an earlier row in all features. They are kept, because a table of few "
            "values repeats itself; what is measured is in part what was seen before."
        )
    else:
        why = ", because their groups are" if by == "group" else ""
        detail = f"{crossing:,} of {repeated:,} repeated examples are on several sides{why}."
    return Check(
        id="splitting.no_duplicate_crosses",
        stage=STAGE,
        title="Repeated examples on more than one side",
        severity=severity,
        outcome=outcome,
        detail=detail,
        value=float(crossing),
        limit=0.0,
        n=len(twins),
    )


def copy_check(twins: pd.Series, codes: pd.Series, sides: pd.Series) -> Check:
    """Whether copies that noise, a counter or spelling tells apart are on one side."""
    examples = twins.groupby(codes).nunique()
    several = examples.index[examples > 1]
    inside = codes.isin(several)
    crossing = int((sides[inside].groupby(codes[inside]).nunique() > 1).sum())
    found = (
        f"{int(inside.sum()):,} of {len(codes):,} rows hold {len(several):,} examples several "
        "times, told apart by noise, one number or spelling alone"
    )
    if not len(several):
        detail = f"No two of the {len(codes):,} rows are copies of one example but for noise."
    elif crossing:
        detail = f"{found}; {crossing:,} of them are on several sides."
    else:
        detail = f"{found}; the rows of each are on one side and count as one unit."
    return Check(
        id="splitting.no_copy_crosses",
        stage=STAGE,
        title="Nearly equal rows on more than one side",
        severity="critical",
        outcome="failed" if crossing else "passed",
        detail=detail,
        value=float(crossing),
        limit=0.0,
        n=len(codes),
        evidence="copies" if len(several) else None,
    )


def copies_table(copies: Copies, split: pd.DataFrame) -> pd.DataFrame:
    """The rows of the largest examples that copies were found of, by example; at most 200."""
    rows = split.assign(code=copies.codes[~copies.late], twin=copies.twins[~copies.late])
    by_code = rows.groupby("code")
    rows = rows.assign(rows=by_code["twin"].transform("size"))
    rows = rows[by_code["twin"].transform("nunique") > 1].reset_index()
    rows = rows.sort_values(["rows", "unit", "row_key"], ascending=[False, True, True])
    return rows[["unit", "side", "rows", "row_key"]].head(200).reset_index(drop=True)


def largest_unit_check(split: pd.DataFrame) -> Check:
    """Whether a unit of several rows is a tenth of a side or more."""
    sizes = split.groupby(["side", "unit"]).size()
    sizes = sizes[sizes > 1]
    shares = (
        sizes / split.groupby("side").size().reindex(sizes.index.get_level_values(0)).to_numpy()
    )
    largest = shares.groupby(level=0).max() if len(shares) else pd.Series(dtype="float64")
    large = {side: float(largest[side]) for side in SIDES if largest.get(side, 0.0) >= LARGE_UNIT}
    listed = ", ".join(f"{share:.0%} of {side}" for side, share in large.items())
    value = float(largest.max()) if len(largest) else 0.0
    return Check(
        id="splitting.largest_unit",
        stage=STAGE,
        title="Largest share of a side's rows that belong together",
        severity="warning",
        outcome="not_applicable" if split.empty else "failed" if large else "passed",
        detail=f"One unit (rows of one group, or copies of one example) is {listed}: what is "
        "measured there hangs on it; more units are needed."
        if large
        else f"The largest unit of several rows is {value:.1%} of its side."
        if len(largest)
        else "No two rows belong together; each is a unit of its own.",
        value=value,
        limit=LARGE_UNIT,
        n=len(split),
    )


def left_out_check(copies: Copies, labels: pd.Series) -> Check:
    """How many copies of earlier rows were left out, and what that did to the class shares."""
    late, sides = copies.late, copies.sides
    count = side_counts(sides[late])
    total = int(late.sum())
    detail = "No dev or test row is a copy of a row of an earlier side."
    if total:
        detail = (
            f"{count['dev']:,} dev and {count['test']:,} test rows are copies of an earlier row "
            f"(equal or nearly so, to digits that do not come back) and were left out"
            f"{_effect(copies, labels)}."
        )
    return Check(
        id="splitting.later_copies",
        stage=STAGE,
        title="Copies of rows of an earlier side, left out",
        severity="warning" if total else "info",
        outcome="failed" if total else "passed",
        detail=detail,
        value=float(total),
        limit=0.0,
        n=len(sides),
        evidence="left_out" if total else None,
    )


def _effect(copies: Copies, labels: pd.Series) -> str:
    """What leaving the rows out did to the class whose share changed most, by side."""
    said = []
    for side in ("dev", "test"):
        there = copies.sides == side
        if not (there & copies.late).any():
            continue
        before = labels[there].value_counts(normalize=True)
        after = labels[there & ~copies.late].value_counts(normalize=True)
        if after.empty:
            said.append(f"{side} has no row left")
            continue
        moved = (after.reindex(before.index, fill_value=0.0) - before).sort_index()
        label = str(moved.abs().idxmax())
        share = after.get(label, 0.0)
        said.append(f"{label} is {share:.1%} of {side} by that, and was {before[label]:.1%}")
    return "; " + "; ".join(said) if said else ""
