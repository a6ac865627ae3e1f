"""Does the finished split keep its promises? Each check looks at the split, not at its making."""

from __future__ import annotations

import math
from statistics import NormalDist

import pandas as pd

from tasks.checks import Check, Outcome
from tasks.project.data_sections import SplitSection
from tasks.project.roles import Roles
from tasks.splitting.sides import SIDES, side_counts

STAGE = "splitting"
_NAMES_SHOWN = 12
_CHANCE = 2.6
_POINTS = 0.05


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


_RARE_WAY_OUT = (
    ", or labels.rare_classes: merge makes one class of those with few rows, and set_aside leaves "
    "them out"
)


def side_checks(
    labels: pd.Series, sides: pd.Series, roles: Roles, split: SplitSection, cause: str = ""
) -> list[Check]:
    """Whether each side has rows and every class.

    A class that train has not cannot be learned; on a side of one class no measure of quality says
    anything, and with two classes each side needs both. With more, a class that dev or test lack is
    a warning. `cause` says why a side has no row, where that is known.
    """
    classes = set(labels.unique())
    declared = {"train": split.train, "dev": split.dev, "test": split.test}
    checks = []
    for side, n in side_counts(sides).items():
        there = set(labels[sides == side].unique())
        absent = sorted(classes - there)
        single = len(there) == 1 < len(classes) and not roles.regression
        bearable = n > 0 and side != "train" and roles.positive_class is None and not single
        share = n / len(labels) if len(labels) else 0.0
        found = f"{side} has {n:,} rows ({share:.0%}, declared {declared[side]:.0%})"
        detail = f"{found} and all {len(classes)} classes."
        if not n:
            detail = f"{side} has no row: {cause or 'more rows or a larger share are needed'}."
        elif single:
            detail = (
                f"{found}, and all of them are {min(there)}: on one class nothing can be measured. "
                f"It has no row of {_listed(absent)}; {_way_out(split)}."
            )
        elif absent:
            rare = "" if roles.positive_class or roles.regression else _RARE_WAY_OUT
            detail = f"{found}, none of them {_listed(absent)}; more rows of it are needed{rare}."
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


def cause_of_emptiness(column: pd.Series | None, split: SplitSection) -> str:
    """Why a side may have no row: too few times or groups in the split's column; else empty."""
    if column is None:
        return ""
    distinct = int(column.nunique())
    things = "times" if split.by == "time" else "groups"
    if distinct < len(SIDES):
        return (
            f"`{column.name}` has {distinct:,} distinct {things}, and three sides need at least "
            f"three; bring rows of more {things}, or split by key"
        )
    if split.by == "time":
        return (
            f"rows of one time stay together, and too many of the {distinct:,} distinct times of "
            f"`{column.name}` hold most of the rows; use a finer time, or other shares"
        )
    return (
        f"`{column.name}` has {distinct:,} groups, each goes to a side as a whole, and none came "
        "here; bring more groups, raise split.epoch to draw anew, or split by key"
    )


def share_check(sides: pd.Series, split: SplitSection) -> Check:
    """Whether each side has about the share of the rows that is declared for it.

    Missed is a share that differs by more than a quarter of the declared one, and by more than
    single rows would by chance (2.6 standard deviations).
    """
    n = len(sides)
    declared = {"train": split.train, "dev": split.dev, "test": split.test}
    gaps = {side: count / max(n, 1) - declared[side] for side, count in side_counts(sides).items()}
    missed = [
        side
        for side, gap in gaps.items()
        if abs(gap) > declared[side] / 4
        and abs(gap) > _CHANCE * math.sqrt(declared[side] * (1 - declared[side]) / max(n, 1))
    ]
    listed = ", ".join(f"{side} {declared[side] + gap:.0%}" for side, gap in gaps.items())
    wanted = ", ".join(f"{declared[side]:.0%}" for side in SIDES)
    detail = f"The sides have {listed} of the rows, and {wanted} are declared"
    return Check(
        id="splitting.side_shares",
        stage=STAGE,
        title="Largest difference of a side's share of the rows from the declared one",
        severity="warning",
        outcome="not_applicable" if not n else "failed" if missed else "passed",
        detail=f"{detail}; {_way_out(split)}." if missed else f"{detail}.",
        value=max((abs(gap) for gap in gaps.values()), default=0.0),
        limit=0.25,
        n=n,
        evidence="sides",
    )


def _way_out(split: SplitSection) -> str:
    if split.by == "key":
        return "more rows are needed, or raise split.epoch to draw the sides anew"
    if split.by == "time":
        return "a finer time or other shares place the borders elsewhere once split.epoch is raised"
    return "groups of many rows do that: more groups are needed, or raise split.epoch to draw anew"


def class_share_check(labels: pd.Series, sides: pd.Series, roles: Roles) -> Check:
    """Whether the classes have about the same share on every side.

    The positive class's shares are told (of the largest class, where there is none), or those of
    the class that differs most. Different is a share of dev or test that is 5 points, or half as
    much again, away from that in train, and further than chance would take single rows (3.3
    standard deviations, more with many classes).
    """
    counts = pd.crosstab(sides, labels).reindex(list(SIDES), fill_value=0)
    counts = counts[counts.sum(axis=1) > 0]
    shares = counts.div(counts.sum(axis=1), axis=0)
    common = labels.mode()
    label = roles.positive_class or (str(common.iloc[0]) if len(common) else "")
    worst = _different_class(counts) if len(shares) > 1 and "train" in shares.index else None
    told = shares.get(worst or label, pd.Series(0.0, index=shares.index))
    listed = ", ".join(f"{side} {share:.1%}" for side, share in told.items())
    detail = f"{roles.target} = {worst or label}: {listed}."
    if worst:
        detail += " That is more than chance does: what is measured on such sides may not hold."
    return Check(
        id="splitting.class_shares",
        stage=STAGE,
        title=f"Largest difference between the sides in the share of {worst or label}",
        severity="warning" if worst else "info",
        outcome="not_applicable" if len(shares) < 2 else "failed" if worst else "passed",
        detail=detail
        if len(shares) > 1
        else "Fewer than two sides have rows; nothing can be compared.",
        value=float(told.max() - told.min()) if len(shares) > 1 else None,
        n=len(labels),
        evidence="sides",
    )


def _different_class(counts: pd.DataFrame) -> str | None:
    """The class whose share in dev or test differs most surely from that in train, if any does."""
    sizes = counts.sum(axis=1)
    limit = NormalDist().inv_cdf(1 - 0.001 / (2 * max(1, counts.shape[1] - 1)))
    found: dict[str, float] = {}
    for side in [name for name in counts.index if name != "train"]:
        both = (counts.loc["train"] + counts.loc[side]) / (sizes["train"] + sizes[side])
        error = (both * (1 - both) * (1 / sizes["train"] + 1 / sizes[side])) ** 0.5
        first, other = counts.loc["train"] / sizes["train"], counts.loc[side] / sizes[side]
        apart = (first - other).abs()
        large = (apart >= _POINTS) | (apart >= first.combine(other, max) / 3)
        scores = (apart / error)[large & (error > 0)]
        for label, score in scores[scores > limit].items():
            found[str(label)] = max(found.get(str(label), 0.0), float(score))
    return max(sorted(found), key=lambda label: found[label]) if found else None


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


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
