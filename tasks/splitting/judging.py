"""Does the finished split keep its promises? Each check looks at the split, not at its making."""

from __future__ import annotations

import pandas as pd

from tasks.checks import Check, Outcome, Severity
from tasks.project.roles import Roles
from tasks.project.sections import SplitSection
from tasks.splitting.sides import SIDES, side_counts

STAGE = "splitting"
_NAMES_SHOWN = 5


def side_table(labels: pd.Series, sides: pd.Series) -> pd.DataFrame:
    """side, class, rows, and the class's share of the side; empty cells are there with 0."""
    rows = []
    for side in SIDES:
        there = labels[sides == side]
        for label in sorted(labels.dropna().unique()):
            count = int((there == label).sum())
            share = count / len(there) if len(there) else 0.0
            rows.append({"side": side, "class": str(label), "rows": count, "share": share})
    return pd.DataFrame(rows, columns=["side", "class", "rows", "share"])


def side_checks(
    labels: pd.Series, sides: pd.Series, roles: Roles, split: SplitSection
) -> list[Check]:
    """Whether each side has rows and every class.

    A class that train has not cannot be learned; with two classes, a side without one of them
    has no measure of quality at all. With more, a class that dev or test lack is a warning.
    """
    classes = set(labels.unique())
    declared = {"train": split.train, "dev": split.dev, "test": split.test}
    checks = []
    for side, n in side_counts(sides).items():
        absent = sorted(classes - set(labels[sides == side].unique()))
        bearable = n > 0 and side != "train" and roles.positive_class is None
        share = n / len(labels) if len(labels) else 0.0
        found = f"{side} has {n:,} rows ({share:.0%}, declared {declared[side]:.0%})"
        detail = f"{found} and all {len(classes)} classes."
        if not n:
            detail = f"{side} has no row; more rows or a larger share are needed."
        elif absent:
            detail = f"{found}, none of them {_listed(absent)}; more rows of it are needed."
        checks.append(
            Check(
                id=f"splitting.sides:{side}",
                stage=STAGE,
                title=f"Classes without a row in {side}",
                severity="warning" if bearable else "critical",
                outcome="failed" if absent or not n else "passed",
                detail=detail,
                value=float(len(absent)),
                limit=0.0,
                n=n,
                evidence="sides",
            )
        )
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


def twin_check(twins: pd.Series, sides: pd.Series, *, by_group: bool) -> Check:
    """Whether rows that are equal in all features are on one side.

    In a split by group they may cross, because the group decides: then that is a warning.
    """
    clusters = sides.groupby(twins)
    repeated = int((clusters.size() > 1).sum())
    crossing = int((clusters.nunique() > 1).sum())
    outcome: Outcome = "failed" if crossing else "passed"
    severity: Severity = "warning" if by_group else "critical"
    if not repeated:
        detail = f"No two of the {len(twins):,} rows are equal in all features."
    elif not crossing:
        detail = f"{repeated:,} examples occur more than once, each on one side only."
    else:
        why = ", because their groups are" if by_group else ""
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


def class_share_check(labels: pd.Series, sides: pd.Series, roles: Roles) -> Check:
    """The positive class's share by side (of the largest class, where there is none): shown."""
    common = labels.mode()
    label = roles.positive_class or (str(common.iloc[0]) if len(common) else "")
    shares = (labels == label).groupby(sides).mean().reindex(list(SIDES)).dropna()
    listed = ", ".join(f"{side} {share:.1%}" for side, share in shares.items())
    return Check(
        id="splitting.class_shares",
        stage=STAGE,
        title=f"Largest difference between the sides in the share of {label}",
        severity="info",
        outcome="passed" if len(shares) > 1 else "not_applicable",
        detail=f"{roles.target} = {label}: {listed}."
        if len(shares) > 1
        else "Fewer than two sides have rows; nothing can be compared.",
        value=float(shares.max() - shares.min()) if len(shares) > 1 else None,
        n=len(labels),
        evidence="sides",
    )


def kept_check(stored: pd.Series, split: pd.DataFrame) -> Check:
    """How many rows have the side that was stored; a change is only ever towards train."""
    known = stored.notna()
    moved = int((stored[known] != split.loc[known, "side"]).sum())
    n = int(known.sum())
    detail = (
        f"{n - moved:,} of {n:,} known rows kept their side, whatever the shares are; "
        f"{len(stored) - n:,} rows are new."
    )
    outcome: Outcome = "failed" if moved else "passed"
    if not n:
        outcome = "not_applicable"
        detail = "No side of these rows was stored before; all of them were placed now."
    if moved:
        detail += f" {moved:,} became equal to a row on another side and joined it."
    return Check(
        id="splitting.kept_sides",
        stage=STAGE,
        title="Known rows that changed their side",
        severity="warning" if moved else "info",
        outcome=outcome,
        detail=detail,
        value=float(moved),
        limit=0.0,
        n=n,
    )


def is_ordered(times: pd.Series) -> bool:
    """Whether the column holds times or numbers, which have an order in time; words do not."""
    return bool(
        pd.api.types.is_datetime64_any_dtype(times.dtype)
        or pd.api.types.is_numeric_dtype(times.dtype)
    )


def time_check(times: pd.Series) -> Check:
    """Whether every row has a time."""
    missing = int(times.isna().sum())
    problem = None
    if not is_ordered(times):
        problem = f"`{times.name}` holds words; a split by time needs times or numbers"
    elif missing:
        problem = f"{missing:,} of {len(times):,} rows have no `{times.name}` and so no side"
    return Check(
        id="splitting.times",
        stage=STAGE,
        title="Rows without a time",
        severity="critical",
        outcome="failed" if problem else "passed",
        detail=f"{problem or f'All {len(times):,} rows have a time in `{times.name}`'}.",
        value=float(missing),
        limit=0.0,
        n=len(times),
    )


def copies_check(sides: pd.Series, copies: pd.Series) -> Check:
    """How many copies of earlier rows dev and test would have had: shown."""
    count = {side: int((copies & (sides == side)).sum()) for side in ("dev", "test")}
    total = sum(count.values())
    return Check(
        id="splitting.later_copies",
        stage=STAGE,
        title="Copies of rows of an earlier side, left out",
        severity="info",
        outcome="passed",
        detail=f"{count['dev']:,} dev and {count['test']:,} test rows equal an earlier row in all "
        "features and were left out."
        if total
        else "No dev or test row is a copy of a row of an earlier side.",
        value=float(total),
        n=len(sides),
        evidence="left_out" if total else None,
    )


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
