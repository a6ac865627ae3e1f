"""Which rows meet a condition of the project file, such as `lvr > 0.9 and self == 'yes'`.

Guarantees:

* a condition is parsed and walked, never run as code; whatever is not understood is refused with
  its position, an unknown column with the nearest known one;
* a number is compared with numbers, a word with words, a time with times in ISO 8601 that no clock
  fills in: no condition is silently false;
* a comparison with a missing cell is false, `!=` and `not in` included. `not` negates the
  outcome: `not (a > 1)` holds where `a` is missing, `a <= 1` does not.
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from tasks.errors import ProjectError

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Kind = Literal["number", "word", "time"]
_Compare = Callable[[Any, Any], Any]

_MAX_CONDITION_LENGTH = 2000
_LARGEST = 1e300
_TIME = re.compile(
    r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?([ ]?(Z|[+-]\d{2}(:?\d{2})?))?)?)?)?"
)
"""A year, month, day, or moment, with or without a zone: all that has one meaning at any time."""
_COMPARISONS: dict[type[ast.cmpop], _Compare] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ADVICE: dict[Kind, str] = {
    "number": "holds numbers; compare it with a number",
    "word": "holds words; compare it with a word in quotes",
    "time": "holds times; compare it with a time in quotes, such as '2024-05-31' or "
    "'2024-05-31T14:30:00Z'",
}


def condition_mask(text: str, frame: pd.DataFrame) -> Mask:
    """The rows of `frame` that meet the condition `text`.

    The language: column names (`col('odd name')` for any other name), numbers, quoted words,
    `< <= > >= == !=` (chained too), `in` and `not in` with a list, `and`, `or`, `not`, brackets,
    `isnull(column)` and `notnull(column)`. A time column is compared with a quoted time: of a
    column without a zone, one that names a zone is brought to UTC, as the column is; of a column
    with one, a time that names none is in the column's.

    Raises ProjectError with the position of what is not understood.
    """
    return _Condition(text, frame).mask()


def check_condition(text: str) -> str:
    """The condition, if it is one, whatever the columns are. Raises ProjectError as above."""
    _Condition(text, pd.DataFrame(), any_columns=True).mask()
    return text


def condition_problem(text: str, schema: Mapping[str, str]) -> str | None:
    """Why a condition cannot be asked of columns of these dtypes, as a sentence; else None."""
    empty = {name: pd.Series([], dtype=_known_dtype(dtype)) for name, dtype in schema.items()}
    try:
        condition_mask(text, pd.DataFrame(empty))
    except ProjectError as refusal:
        return str(refusal)
    return None


def _known_dtype(name: str) -> Any:
    try:
        return pd.api.types.pandas_dtype(name)
    except TypeError:
        return object


def column_kind(column: pd.Series[Any]) -> Kind:
    """What a column's cells are compared with."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "time"
    return "number" if pd.api.types.is_numeric_dtype(column.dtype) else "word"


def nearest_column(name: str, frame: pd.DataFrame) -> str:
    """The end of a sentence about an absent column: the nearest name, or the first five."""
    known = [str(column) for column in frame.columns]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f", which the data does not have; did you mean '{close[0]}'?"
    listed = ", ".join(known[:5]) + (" and more" if len(known) > 5 else "")
    return f", which the data does not have; it has {listed}"


@dataclass(frozen=True)
class _Column:
    """One side of a comparison that is a column; its kind is None while no columns are known."""

    name: str
    values: pd.Series[Any]
    kind: Kind | None


class _Condition:
    """One condition over one frame: a walk over its syntax tree."""

    def __init__(self, text: str, frame: pd.DataFrame, *, any_columns: bool = False) -> None:
        self._text = " ".join(text.split("\n")).strip()
        self._frame = frame
        self._any_columns = any_columns

    def mask(self) -> Mask:
        if len(self._text) > _MAX_CONDITION_LENGTH:
            raise ProjectError(f"a condition has at most {_MAX_CONDITION_LENGTH} characters")
        try:
            return self._truth(ast.parse(self._text, mode="eval").body)
        except SyntaxError as failure:
            advice = "; write an odd column name as col('odd name')"
            raise self._refusal(failure.offset or 1, f"{failure.msg}{advice}") from None
        except (ValueError, RecursionError, MemoryError):
            raise self._refusal(1, "cannot be parsed; write it more simply") from None

    def _truth(self, node: ast.expr) -> Mask:
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(part) for part in node.values]
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return cast(Mask, join.reduce(parts))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self._truth(node.operand)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Call) and self._function(node) in ("isnull", "notnull"):
            missing = self._column(self._argument(node)).values.isna().to_numpy()
            return missing if self._function(node) == "isnull" else ~missing
        if isinstance(node, ast.Name):
            name = self._column(node).name
            raise self._error(node, f"'{name}' alone is no condition; compare it with a value")
        raise self._error(node, "only comparisons, and, or, not, isnull, notnull are understood")

    def _comparison(self, node: ast.Compare) -> Mask:
        sides = [node.left, *node.comparators]
        mask = np.ones(len(self._frame), dtype=bool)
        for left, relation, right in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(relation, ast.In | ast.NotIn):
                mask &= self._membership(left, right, wanted=isinstance(relation, ast.In))
            elif type(relation) in _COMPARISONS:
                mask &= self._relation(left, _COMPARISONS[type(relation)], right)
            else:
                raise self._error(node, "'is' is not understood; write == or isnull(column)")
        return mask

    def _relation(self, left: ast.expr, compare: _Compare, right: ast.expr) -> Mask:
        columns = [self._column(side) for side in (left, right) if self._is_column(side)]
        if self._any_columns and columns:
            for side in (left, right):
                if not self._is_column(side):
                    self._literal(side, columns[0])
            return np.zeros(0, dtype=bool)
        if self._is_column(left) and self._is_column(right):
            one, two = self._column(left), self._column(right)
            if one.kind != two.kind or _zoned(one) != _zoned(two):
                raise self._error(right, f"'{one.name}' and '{two.name}' are of different kinds")
            present = (one.values.notna() & two.values.notna()).to_numpy()
            return cast(Mask, compare(one.values, two.values).to_numpy(dtype=bool) & present)
        if self._is_column(left):
            column, sides = self._column(left), [None, right]
        elif self._is_column(right):
            column, sides = self._column(right), [left, None]
        else:
            raise self._error(left, "this comparison names no column")
        first, second = (column.values if s is None else self._literal(s, column) for s in sides)
        present = column.values.notna().to_numpy()
        return cast(Mask, compare(first, second).to_numpy(dtype=bool) & present)

    def _membership(self, left: ast.expr, right: ast.expr, *, wanted: bool) -> Mask:
        column = self._column(left)
        if not isinstance(right, ast.List | ast.Tuple | ast.Set):
            raise self._error(right, "'in' needs a list, such as ['a', 'b']")
        allowed = [self._literal(item, column) for item in right.elts]
        if not allowed:
            raise self._error(right, "the list is empty; name the values that are meant")
        found: Mask = column.values.isin(allowed).to_numpy()
        present: Mask = column.values.notna().to_numpy()
        return present & (found if wanted else ~found)

    def _literal(self, node: ast.expr, column: _Column) -> Any:
        """The value of a literal, in the kind of the column that it stands against."""
        sign = 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            sign, node = -1, node.operand
        if not isinstance(node, ast.Constant):
            raise self._error(node, "a number, a word in quotes or a column is needed here")
        value = node.value
        if value is None:
            raise self._error(node, f"write isnull({column.name}) to ask for missing cells")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not abs(cast(float, value)) < _LARGEST:
            raise self._error(node, "the number is too large")
        if column.kind is None:
            if number or (isinstance(value, str) and sign == 1):
                return value
            raise self._error(node, "a number, a word in quotes or a column is needed here")
        if column.kind == "number" and number:
            return sign * cast(float, value)
        if column.kind != "number" and isinstance(value, str) and sign == 1:
            return value if column.kind == "word" else self._time(node, value, column)
        raise self._error(node, f"'{column.name}' {_ADVICE[column.kind]}")

    def _time(self, node: ast.expr, value: str, column: _Column) -> pd.Timestamp:
        refusal = self._error(node, f"'{column.name}' {_ADVICE['time']}")
        # Pandas reads more: '' and 'NaT' as no time, 'now' and '14:30' by the clock.
        if _TIME.fullmatch(value) is None:
            raise refusal
        try:
            moment = pd.Timestamp(value)
            zone = getattr(column.values.dtype, "tz", None)
            if moment.tzinfo is not None:
                return moment.tz_convert(zone) if zone else moment.tz_convert(None)
            return moment.tz_localize(zone) if zone else moment
        except (ValueError, OverflowError):
            raise refusal from None

    def _is_column(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) or self._function(node) == "col"

    def _column(self, node: ast.expr) -> _Column:
        if isinstance(node, ast.Name):
            name = node.id
        elif self._function(node) == "col":
            argument = self._argument(cast(ast.Call, node))
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise self._error(node, "col needs a column name in quotes")
            name = argument.value
        else:
            raise self._error(node, "a column is needed here")
        if self._any_columns:
            return _Column(name, pd.Series([], dtype=object), None)
        if name not in self._frame.columns:
            raise self._error(
                node, f"it names the column '{name}'{nearest_column(name, self._frame)}"
            )
        values = self._frame[name]
        return _Column(name, values, column_kind(values))

    def _function(self, node: ast.expr) -> str:
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return cast(ast.Name, cast(ast.Call, node).func).id if named else ""

    def _argument(self, node: ast.Call) -> ast.expr:
        if len(node.args) != 1 or node.keywords:
            raise self._error(node, f"{self._function(node)} takes one column")
        return node.args[0]

    def _error(self, node: ast.expr, message: str) -> ProjectError:
        # The parser counts bytes; a reader counts characters.
        before = self._text.encode()[: node.col_offset].decode(errors="ignore")
        return self._refusal(len(before) + 1, message)

    def _refusal(self, position: int, message: str) -> ProjectError:
        return ProjectError(f'condition "{self._text}", position {position}: {message}')


def _zoned(column: _Column) -> bool:
    """Whether the column's times name a zone."""
    return getattr(column.values.dtype, "tz", None) is not None
