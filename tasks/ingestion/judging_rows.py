"""Has every row a label to learn from and a key of its own, and is none lost?

Guarantees: every function returns a check and raises nothing for bad data; each detail is one
sentence with its numbers and, where something is wrong, the next move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.checks import Check, Outcome, judged
from tasks.ingestion.rows import RARE_CLASS
from tasks.ingestion.wording import SHOWN, check, listed
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.snapshots import RowLedger

_MANY_LABELS = 20


def judge_target(labels: pd.Series, missing: int, project: Project) -> Check:
    """Whether the target says one of two or more classes; `labels` are those of the kept rows."""
    title = f"The target '{project.target}' can be learned"
    if project.task == "regression":
        return _judge_number(title, labels, missing, project.target)
    counts = labels.value_counts()
    found = sorted(str(name) for name in counts.index)
    detail = _target_problem(found, len(labels), project)
    if detail is not None:
        return check("target", title, "failed", detail, value=len(found), n=len(labels))
    shown = ", ".join(f"'{name}' {counts[name]:,}" for name in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    detail = f"'{project.target}' has {len(found)} classes in {len(labels):,} rows: {shown}{more}"
    detail += f"; {missing:,} rows without a label were set aside." if missing else "."
    return check("target", title, "passed", detail, value=len(found), n=len(labels))


def judge_key(keys: pd.Series, lines: Sequence[int], roles: Roles) -> Check:
    """Whether each kept row has one key of its own; `lines` are those of the rows."""
    title = "Every row has one key of its own"
    if roles.key is None:
        repeated = int((~keys.str.endswith("-0")).sum())
        count = len(roles.key_columns)
        columns = f"{count} columns" if count != 1 else f"'{roles.key_columns[0]}'"
        detail = (
            f"The key is made from {columns}; {repeated:,} of {len(keys):,} rows repeat an "
            "earlier one in all of them and are told apart by a counter."
        )
        return check("key", title, "passed", detail, n=len(keys), value=repeated)
    where = pd.Series(list(lines), index=keys.index)
    null = keys.isna()
    repeats = keys.notna() & keys.duplicated(keep=False)
    if null.any():
        detail = (
            f"{int(null.sum()):,} of {len(keys):,} rows have no '{roles.key}', on line "
            f"{listed(where[null])}; fill the key in, or remove 'key' from the project file."
        )
        return check("key", title, "failed", detail, n=len(keys), value=int(null.sum()))
    if repeats.any():
        examples = keys[repeats].drop_duplicates()[:3]
        shown = "; ".join(f"'{key}' on lines {listed(where[keys == key])}" for key in examples)
        again = int(keys.duplicated().sum())
        detail = (
            f"{again:,} of {len(keys):,} rows repeat the '{roles.key}' of an earlier row: {shown}; "
            "remove the repeats, or remove 'key' from the project file."
        )
        return check("key", title, "failed", detail, n=len(keys), value=again)
    detail = f"'{roles.key}' is present and different in all {len(keys):,} rows."
    return check("key", title, "passed", detail, n=len(keys), value=0)


def judge_ledger(steps: Sequence[RowLedger], rows_in: int, kept: int, set_aside: int) -> Check:
    """Whether every row that came in is kept or set aside, step by step and over all."""
    title = "No row is lost"
    open_steps = [step.step for step in steps if not step.balances]
    balances = not open_steps and rows_in == kept + set_aside
    detail = f"{rows_in:,} rows came in, {kept:,} were kept and {set_aside:,} set aside"
    detail += ", each with its reason." if balances else f": {listed(open_steps)} lost rows."
    outcome: Outcome = "passed" if balances else "failed"
    return check("row_ledger", title, outcome, detail, n=rows_in, evidence="row_ledger")


def judge_quarantined(rows_in: int, reasons: Mapping[str, int], limit: float) -> Check:
    """Whether few enough rows were set aside, those not counted that the project asked for."""
    title = "Share of rows set aside"
    reasons = {reason: count for reason, count in reasons.items() if reason != RARE_CLASS}
    set_aside = sum(reasons.values())
    share = set_aside / rows_in if rows_in else 0.0
    why = "; ".join(f"{reason}: {count:,}" for reason, count in sorted(reasons.items()))
    detail = f"{set_aside:,} of {rows_in:,} rows ({share:.2%}, limit {limit:.2%}) were set aside"
    detail += f" ({why})." if why else "."
    return check(
        "quarantined_share",
        title,
        judged(share, maximum=limit),
        detail,
        value=share,
        limit=limit,
        n=rows_in,
        evidence="quarantined_rows" if set_aside else None,
    )


def _judge_number(title: str, labels: pd.Series, missing: int, target: str) -> Check:
    distinct, n = labels.nunique(), len(labels)
    if not distinct:
        detail = f"No cell of the target '{target}' holds a number; nothing can be learned from it."
    elif distinct == 1:
        detail = f"All {n:,} rows have {target} = {labels.iloc[0]:g}; there is nothing to estimate."
    else:
        detail = (
            f"'{target}' has {distinct:,} values in {n:,} rows, from {labels.min():g} to "
            f"{labels.max():g}"
        )
        detail += f"; {missing:,} rows without one were set aside." if missing else "."
    outcome: Outcome = "passed" if distinct > 1 else "failed"
    return check("target", title, outcome, detail, value=distinct, n=n)


def _target_problem(found: list[str], rows: int, project: Project) -> str | None:
    target = project.target
    if not found:
        return f"Every cell of the target '{target}' is missing; nothing can be learned from it."
    if len(found) == 1:
        return (
            f"All {rows:,} rows have the label '{found[0]}'; a second class is needed to learn one."
        )
    if len(found) > _MANY_LABELS and len(found) > rows / 2:
        return f"'{target}' has {len(found):,} different values in {rows:,} rows: no classes."
    return _positive_problem(found, project)


def _positive_problem(found: list[str], project: Project) -> str | None:
    target, positive = project.target, project.positive_class
    if positive is not None and positive not in found:
        return f"positive_class is '{positive}', and the labels of '{target}' are {listed(found)}."
    if positive is not None and len(found) > 2:
        return (
            f"'{target}' has {len(found)} labels ({listed(found)}) and positive_class is set, "
            "which is for two; remove positive_class, or merge the labels."
        )
    if positive is None and len(found) == 2:
        return (
            f"'{target}' has the two labels '{found[0]}' and '{found[1]}'; say which one is looked "
            "for in positive_class."
        )
    return None
