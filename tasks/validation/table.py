"""Can anything be learned from this table at all? What is judged without being asked for.

Guarantees: these checks are always evaluated, so validation never passes because it had nothing
to judge; none of them looks at more than one column at a time.
"""

from __future__ import annotations

import pandas as pd

from tasks.checks import Check, Table, judged
from tasks.project.roles import Roles

_STAGE = "validation"
_MISSING_LIMIT = 0.5
_CLASS_ROWS = 10
_NAMES_SHOWN = 5


def table_checks(frame: pd.DataFrame, roles: Roles, *, min_rows: int) -> list[Check]:
    """Row count, schema, keys, constant and mostly missing features, classes.

    `frame` holds the rows that are left after quarantine; all of them have a label.
    """
    return [
        _row_count(frame, min_rows),
        _schema(frame, roles),
        _duplicate_keys(frame),
        _constant_columns(frame, roles),
        _missing_values(frame, roles),
        _classes(frame, roles),
        _class_support(frame, roles),
    ]


def column_table(frame: pd.DataFrame, roles: Roles) -> Table:
    """One row a feature: how many values it has and how many are missing."""
    rows = [
        {
            "column": column,
            "kind": kind,
            "values": int(frame[column].notna().sum()),
            "missing": int(frame[column].isna().sum()),
            "missing_share": float(frame[column].isna().mean()) if len(frame) else 0.0,
            "distinct_values": int(frame[column].nunique()),
        }
        for column, kind in _kinds(roles).items()
        if column in frame.columns
    ]
    columns = ["column", "kind", "values", "missing", "missing_share", "distinct_values"]
    return Table(frame=pd.DataFrame(rows, columns=columns))


def _kinds(roles: Roles) -> dict[str, str]:
    return {
        **dict.fromkeys(roles.numeric, "numeric"),
        **dict.fromkeys(roles.categorical, "categorical"),
        **dict.fromkeys(roles.text, "text"),
    }


def _row_count(frame: pd.DataFrame, min_rows: int) -> Check:
    n = len(frame)
    return Check(
        id="validation.row_count",
        stage=_STAGE,
        severity="critical",
        outcome=judged(n, minimum=min_rows),
        value=float(n),
        limit=float(min_rows),
        values={"min_rows": min_rows},
        n=n,
    )


def _schema(frame: pd.DataFrame, roles: Roles) -> Check:
    asked = [roles.target, *roles.features]
    named = [roles.key, roles.group, roles.time, *roles.annotators]
    asked += [name for name in named if name is not None]
    absent = [name for name in dict.fromkeys(asked) if name not in frame.columns]
    misfits = [
        (name, kind, str(frame[name].dtype))
        for name, kind in _kinds(roles).items()
        if name in frame.columns and not _is_of_kind(frame[name], kind)
    ]
    problems = len(absent) + len(misfits) + (not roles.features)
    return Check(
        id="validation.schema",
        stage=_STAGE,
        severity="critical",
        outcome="failed" if problems else "passed",
        value=float(problems),
        limit=0.0,
        values={"absent": absent, "misfits": misfits, "no_features": not roles.features},
        n=len(set(asked)),
    )


def _is_of_kind(column: pd.Series, kind: str) -> bool:
    if kind == "numeric":
        return bool(pd.api.types.is_numeric_dtype(column.dtype))
    if kind == "text":
        return bool(pd.api.types.is_string_dtype(column.dtype))
    return not pd.api.types.is_datetime64_any_dtype(column.dtype)


def _duplicate_keys(frame: pd.DataFrame) -> Check:
    repeated = frame.index[frame.index.duplicated()].unique()
    return Check(
        id="validation.duplicate_keys",
        stage=_STAGE,
        severity="critical",
        outcome="failed" if len(repeated) else "passed",
        value=float(len(repeated)),
        limit=0.0,
        values={"examples": [str(key) for key in repeated[:_NAMES_SHOWN]]},
        n=len(frame),
    )


def _constant_columns(frame: pd.DataFrame, roles: Roles) -> Check:
    there = [column for column in roles.features if column in frame.columns]
    constant = [column for column in there if frame[column].nunique(dropna=False) <= 1]
    return Check(
        id="validation.constant_columns",
        stage=_STAGE,
        severity="warning",
        outcome="failed" if constant else "passed",
        value=float(len(constant)),
        limit=0.0,
        values={"columns": constant},
        n=len(there),
        evidence="columns",
    )


def _missing_values(frame: pd.DataFrame, roles: Roles) -> Check:
    there = [column for column in roles.features if column in frame.columns]
    shares = frame[there].isna().mean() if len(frame) else pd.Series(0.0, index=there)
    worst = shares.sort_values(ascending=False, kind="stable")
    sparse = [(str(name), float(share)) for name, share in worst.items() if share > _MISSING_LIMIT]
    largest = float(worst.iloc[0]) if len(worst) else 0.0
    return Check(
        id="validation.missing_values",
        stage=_STAGE,
        severity="warning",
        outcome="failed" if sparse else "passed",
        value=largest,
        limit=_MISSING_LIMIT,
        unit="share",
        values={"sparse": sparse},
        n=len(frame),
        evidence="columns",
    )


def _classes(frame: pd.DataFrame, roles: Roles) -> Check:
    counts = {str(label): int(count) for label, count in _class_counts(frame, roles).items()}
    positive = roles.positive_class
    # With a positive class, just two are asked for, and it has to be one of them.
    fits = positive is None or (positive in counts and len(counts) == 2)
    return Check(
        id="validation.classes",
        stage=_STAGE,
        severity="critical",
        outcome="passed" if len(counts) >= 2 and fits else "failed",
        value=float(len(counts)),
        limit=2.0,
        values={
            "target": roles.target,
            "positive_class": positive,
            "counts": list(counts.items()),
        },
        n=len(frame),
    )


def _class_support(frame: pd.DataFrame, roles: Roles) -> Check:
    counts = _class_counts(frame, roles)
    rare = [(str(label), int(n)) for label, n in counts.items() if n < _CLASS_ROWS]
    smallest = int(counts.min()) if len(counts) else 0
    return Check(
        id="validation.class_support",
        stage=_STAGE,
        severity="warning",
        outcome="failed" if smallest < _CLASS_ROWS else "passed",
        value=float(smallest),
        limit=float(_CLASS_ROWS),
        values={"rare": rare, "can_merge": not roles.regression and roles.positive_class is None},
        n=len(frame),
    )


def _class_counts(frame: pd.DataFrame, roles: Roles) -> pd.Series:
    if roles.target not in frame.columns:
        return pd.Series(dtype="int64")
    return roles.strata(frame).value_counts().sort_index()
