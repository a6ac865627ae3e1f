"""What does each of the project's rules ask, in the terms of Great Expectations?

Guarantees: an unknown rule or argument is refused in one sentence, never dropped (the library
itself drops an unknown rule and goes on); a rule reads nothing but the rows, and its patterns take
time in proportion to the text; what a project file cannot write is read as meant: a
word bound or value on a column of times is a time, on one of numbers a number, and a number in a
`value_set` on a column of words a word.

Importing this module does not import Great Expectations; calling `build_rule` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from tasks.errors import ProjectFileError
from tasks.messages import nearest_name
from tasks.project.data_sections import Expectation
from tasks.project.tag_sections import require_pattern

_NOT_AMONG_KWARGS = {
    "severity": "write 'severity' beside 'type'",
    "meta": "write 'reason' beside 'type'",
    "condition_parser": "'row_condition' is written as the conditions of slices are",
    "result_format": "the failing rows are always counted",
    "catch_exceptions": "a rule that raised is always reported",
    "id": "the rule is named by its type and column",
}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def build_rule(rule: Expectation, frame: pd.DataFrame, *, place: int) -> Any:
    """The library's object for `rule`, with `place` in its `meta`.

    Raises ProjectFileError for an unknown rule, naming the nearest; for arguments that the rule
    does not take; and for 'quarantine' on a rule that does not judge row by row.
    """
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    known = list_registered_expectation_implementations()
    if rule.type not in known:
        near = nearest_name(rule.type, known, cutoff=0.3)
        hint = f"; did you mean '{near}'?" if near else ""
        raise ProjectFileError(f"unknown expectation '{rule.type}'{hint}")
    for name, advice in _NOT_AMONG_KWARGS.items():
        if name in rule.kwargs:
            raise ProjectFileError(f"{rule.type} takes no '{name}' among its kwargs: {advice}")
    _require_closed(rule)
    kind = get_expectation_impl(rule.type)
    kwargs = {name: v for name, v in rule.kwargs.items() if name != "row_condition"}
    try:
        built = kind(**_as_meant(kwargs, frame), meta={"place": place})
    except (ValueError, TypeError) as failure:
        raise ProjectFileError(f"{rule.type}: {_first_problem(failure)}") from None
    if rule.on_failure == "quarantine" and not judges_rows(built):
        raise ProjectFileError(
            f"{rule.type} does not judge row by row, so it cannot set rows aside; "
            "use on_failure: report"
        )
    return built


def _require_closed(rule: Expectation) -> None:
    """Raise ProjectFileError for what the library would fetch, look up, or search for ever."""
    waiting: list[Any] = [rule.kwargs]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, Mapping):
            waiting += one.values()
            if "$PARAMETER" in one:
                raise ProjectFileError(f"{rule.type} takes values, and no '$PARAMETER'")
            for reference in (str(one[name]) for name in _REFERENCES if name in one):
                if not reference.startswith("#"):
                    raise ProjectFileError(
                        f"{rule.type}: the schema refers to '{reference[:200]}', which would have "
                        "to be fetched; write it into the schema, and refer to it as #/$defs/name"
                    )
    patterns = rule.kwargs.get("regex_list", [rule.kwargs.get("regex")])
    for pattern in patterns if isinstance(patterns, list | tuple) else [patterns]:
        try:
            if isinstance(pattern, str):
                require_pattern(pattern)
        except ValueError as failure:
            raise ProjectFileError(
                f"{rule.type}: {failure} (the syntax is RE2's: no lookaround, no backreference)"
            ) from None


def judges_rows(built: Any) -> bool:
    """Whether the rule judges row by row, so that it can name the rows that break it."""
    from great_expectations.expectations.expectation import (
        ColumnMapExpectation,
        ColumnPairMapExpectation,
        MulticolumnMapExpectation,
    )

    by_row = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
    return isinstance(built, by_row)


def judges_values(built: Any) -> bool:
    """Whether the rule sums up a column's values, so that it needs at least one.

    Rules about the nulls themselves are judged on every row.
    """
    from great_expectations.expectations.expectation import (
        ColumnAggregateExpectation,
    )

    about_nulls = "null" in str(built.expectation_type)
    return isinstance(built, ColumnAggregateExpectation) and not about_nulls


def named_columns(rule: Expectation) -> tuple[str, ...]:
    """The columns that the rule is about; none for a rule about the table."""
    kwargs = rule.kwargs
    names = [kwargs.get(name) for name in ("column", "column_A", "column_B")]
    listed = kwargs.get("column_list", ())
    every = [*names, *(listed if isinstance(listed, list | tuple) else ())]
    return tuple(str(name) for name in every if name is not None)


def _as_meant(kwargs: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    meant = dict(kwargs)
    column = kwargs.get("column")
    if not isinstance(column, str) or column not in frame.columns:
        return meant
    dtype = frame[column].dtype
    of_type: Callable[[Any], Any] | None
    if pd.api.types.is_datetime64_any_dtype(dtype):
        of_type = _time
    elif pd.api.types.is_numeric_dtype(dtype):
        of_type = _number
    else:
        of_type = None
    for bound in ("min_value", "max_value"):
        if of_type is not None and isinstance(kwargs.get(bound), str):
            meant[bound] = of_type(kwargs[bound])
    values = kwargs.get("value_set")
    if isinstance(values, list):
        meant["value_set"] = [(of_type or _word)(value) for value in values]
        if of_type is _number and values and all(isinstance(v, str) for v in meant["value_set"]):
            raise ValueError(
                f"the column '{column}' holds numbers, and 'value_set' names words ({values[0]!r})"
            )
    return meant


def _time(value: Any) -> Any:
    """A word as the time that it is; ValueError, in words of pandas, where it is none."""
    return pd.Timestamp(value).to_pydatetime() if isinstance(value, str) else value


def _number(value: Any) -> Any:
    """A word as the number that it is; as it stands where it is none."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _first_problem(failure: Exception) -> str:
    """The first of a validation error's problems, as `argument: what is wrong with it`."""
    errors = getattr(failure, "errors", None)
    if not callable(errors):
        return str(failure)
    first = errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "__root__")
    what = str(first["msg"]).replace("extra fields not permitted", "is not an argument of it")
    return f"'{where}' {what}" if where else what
