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
    return Table(title="Feature columns", frame=pd.DataFrame(rows, columns=columns))


def _kinds(roles: Roles) -> dict[str, str]:
    return {
        **dict.fromkeys(roles.numeric, "numeric"),
        **dict.fromkeys(roles.categorical, "categorical"),
        **dict.fromkeys(roles.text, "text"),
    }


def _row_count(frame: pd.DataFrame, min_rows: int) -> Check:
    n = len(frame)
    verb = "are enough" if n >= min_rows else "are too few"
    return Check(
        id="validation.row_count",
        stage=_STAGE,
        title="Rows to learn from",
        severity="critical",
        outcome=judged(n, minimum=min_rows),
        detail=f"{n:,} rows {verb}: the project asks for {min_rows:,} or more.",
        value=float(n),
        limit=float(min_rows),
        n=n,
    )


def _schema(frame: pd.DataFrame, roles: Roles) -> Check:
    asked = [roles.target, *roles.features]
    named = [roles.key, roles.group, roles.time, *roles.annotators]
    asked += [name for name in named if name is not None]
    absent = [f"`{name}` is missing" for name in dict.fromkeys(asked) if name not in frame.columns]
    misfits = [
        f"`{name}` is declared {kind} and holds {frame[name].dtype}"
        for name, kind in _kinds(roles).items()
        if name in frame.columns and not _is_of_kind(frame[name], kind)
    ]
    problems = absent + misfits + ([] if roles.features else ["no column is a feature"])
    return Check(
        id="validation.schema",
        stage=_STAGE,
        title="Columns that are missing or of another kind",
        severity="critical",
        outcome="failed" if problems else "passed",
        detail=f"{_first(problems, '; ')}."
        if problems
        else f"All {len(set(asked))} columns that the project uses are there, of their kind.",
        value=float(len(problems)),
        limit=0.0,
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
    n = len(frame)
    return Check(
        id="validation.duplicate_keys",
        stage=_STAGE,
        title="Row keys that stand for more than one row",
        severity="critical",
        outcome="failed" if len(repeated) else "passed",
        detail=f"{len(repeated):,} keys stand for more than one row, for example "
        f"{_first([str(key) for key in repeated])}."
        if len(repeated)
        else f"Each of the {n:,} rows has a key of its own.",
        value=float(len(repeated)),
        limit=0.0,
        n=n,
    )


def _constant_columns(frame: pd.DataFrame, roles: Roles) -> Check:
    there = [column for column in roles.features if column in frame.columns]
    constant = [column for column in there if frame[column].nunique(dropna=False) <= 1]
    return Check(
        id="validation.constant_columns",
        stage=_STAGE,
        title="Features with one value only",
        severity="warning",
        outcome="failed" if constant else "passed",
        detail=f"{len(constant)} of {len(there)} features have one value in all rows and teach "
        f"nothing: {_first([f'`{column}`' for column in constant])}."
        if constant
        else f"Each of the {len(there)} features has more than one value.",
        value=float(len(constant)),
        limit=0.0,
        n=len(there),
        evidence="columns",
    )


def _missing_values(frame: pd.DataFrame, roles: Roles) -> Check:
    there = [column for column in roles.features if column in frame.columns]
    shares = frame[there].isna().mean() if len(frame) else pd.Series(0.0, index=there)
    worst = shares.sort_values(ascending=False, kind="stable")
    sparse = [f"`{name}` ({share:.0%})" for name, share in worst.items() if share > _MISSING_LIMIT]
    largest = float(worst.iloc[0]) if len(worst) else 0.0
    return Check(
        id="validation.missing_values",
        stage=_STAGE,
        title="Largest share of missing cells in a feature",
        severity="warning",
        outcome="failed" if sparse else "passed",
        detail=f"More than half of the cells are missing in {_first(sparse)}."
        if sparse
        else f"No feature misses more than {largest:.2%} of its cells.",
        value=largest,
        limit=_MISSING_LIMIT,
        n=len(frame),
        evidence="columns",
    )


def _classes(frame: pd.DataFrame, roles: Roles) -> Check:
    counts = _class_counts(frame, roles)
    listed = _first([f"{label} ({count:,})" for label, count in counts.items()])
    found = f"`{roles.target}` has {len(counts)} classes: {listed}"
    positive = roles.positive_class
    problem = None
    if len(counts) < 2:
        problem = f"`{roles.target}` needs two classes or more, and has {listed or 'no label'}"
    elif positive is not None and positive not in counts.index:
        problem = f"no row has the positive class {positive}; {found}"
    elif positive is not None and len(counts) > 2:
        problem = f"positive_class is for two classes, and {found}"
    return Check(
        id="validation.classes",
        stage=_STAGE,
        title="Classes of the target",
        severity="critical",
        outcome="failed" if problem else "passed",
        detail=f"{problem or found}.",
        value=float(len(counts)),
        limit=2.0,
        n=len(frame),
    )


def _class_support(frame: pd.DataFrame, roles: Roles) -> Check:
    counts = _class_counts(frame, roles)
    rare = [f"{label} ({count})" for label, count in counts.items() if count < _CLASS_ROWS]
    smallest = int(counts.min()) if len(counts) else 0
    return Check(
        id="validation.class_support",
        stage=_STAGE,
        title="Rows of the smallest class",
        severity="warning",
        outcome="failed" if smallest < _CLASS_ROWS else "passed",
        detail=f"Fewer than {_CLASS_ROWS} rows teach {_first(rare) or 'any class'}"
        f"{_way_out(roles)}."
        if smallest < _CLASS_ROWS
        else f"The smallest class has {smallest:,} of {len(frame):,} rows.",
        value=float(smallest),
        limit=float(_CLASS_ROWS),
        n=len(frame),
    )


def _way_out(roles: Roles) -> str:
    """What a project with more than two classes can write about its rare ones."""
    if roles.regression or roles.positive_class is not None:
        return ""
    return "; what they teach cannot be assessed (labels.rare_classes: merge or set_aside)"


def _class_counts(frame: pd.DataFrame, roles: Roles) -> pd.Series:
    if roles.target not in frame.columns:
        return pd.Series(dtype="int64")
    return roles.strata(frame).value_counts().sort_index()


def _first(names: list[str], separator: str = ", ") -> str:
    more = len(names) - _NAMES_SHOWN
    return separator.join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
