"""Which rows meet a condition of the project file, such as `lvr > 0.9 and self == 'yes'`.

Guarantees:

* a condition is parsed once, without the data, and never run as code; whatever is not understood is
  refused with its position, an unknown column with the nearest known one;
* a number is compared with numbers, a word with words, a time with times in ISO 8601 that no clock
  fills in: no condition is silently false;
* a comparison with a missing cell is false, `!=` and `not in` included. `not` negates the
  outcome: `not (a > 1)` holds where `a` is missing, `a <= 1` does not.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import numpy as np
import pandas as pd

from tasks.errors import ProjectFileError
from tasks.messages import did_you_mean, listed

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Kind = Literal["number", "word", "time"]
_Compare = Callable[[Any, Any], Any]

_MAX_CONDITION_LENGTH = 2000
_LARGEST = 1e300
_TIME = re.compile(
    r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?([ ]?(Z|[+-]\d{2}(:?\d{2})?))?)?)?)?"
)
"""A year, month, day, or moment, with or without a zone: all that has one meaning at any time."""
_COMPARISONS: dict[type[ast.cmpop], tuple[_Compare, _Compare]] = {
    ast.Lt: (operator.lt, operator.gt),
    ast.LtE: (operator.le, operator.ge),
    ast.Gt: (operator.gt, operator.lt),
    ast.GtE: (operator.ge, operator.le),
    ast.Eq: (operator.eq, operator.eq),
    ast.NotEq: (operator.ne, operator.ne),
}
"""What compares a column with a value, and a value with a column."""
_ADVICE: dict[Kind, str] = {
    "number": "holds numbers; compare it with a number",
    "word": "holds words; compare it with a word in quotes",
    "time": "holds times; compare it with a time in quotes, such as '2024-05-31' or "
    "'2024-05-31T14:30:00Z'",
}


@dataclass(frozen=True)
class Condition:
    """A condition that is understood, whatever the columns of the data are."""

    text: str
    root: _Term

    def mask(self, frame: pd.DataFrame) -> Mask:
        """The rows of `frame` that meet it.

        Raises ProjectFileError for an absent column, and one that is of another kind than its
        value.
        """
        return self.root.mask(_Rows(self.text, frame))

    def problem(self, schema: Mapping[str, str]) -> str | None:
        """Why it cannot be asked of columns of these dtypes, as a sentence; else None."""
        empty = {name: pd.Series([], dtype=_known_dtype(dtype)) for name, dtype in schema.items()}
        try:
            self.mask(pd.DataFrame(empty))
        except ProjectFileError as refusal:
            return str(refusal)
        return None


def parse_condition(text: str) -> Condition:
    """The condition that `text` holds.

    The language: column names (`col('odd name')` for any other name), numbers, quoted words,
    `< <= > >= == !=` (chained too), `in` and `not in` with a list, `and`, `or`, `not`, brackets,
    `isnull(column)` and `notnull(column)`. A time column is compared with a quoted time: of a
    column without a zone, one that names a zone is brought to UTC, as the column is; of a column
    with one, a time that names none is in the column's.

    Raises ProjectFileError with the position of what is not understood.
    """
    text = " ".join(text.split("\n")).strip()
    if len(text) > _MAX_CONDITION_LENGTH:
        raise ProjectFileError(f"a condition has at most {_MAX_CONDITION_LENGTH} characters")
    try:
        return Condition(text, _Parser(text).term(ast.parse(text, mode="eval").body))
    except SyntaxError as failure:
        advice = "; write an odd column name as col('odd name')"
        raise _refusal(text, failure.offset or 1, f"{failure.msg}{advice}") from None
    except (ValueError, RecursionError, MemoryError):
        raise _refusal(text, 1, "cannot be parsed; write it more simply") from None


def _refusal(text: str, position: int, message: str) -> ProjectFileError:
    return ProjectFileError(f'condition "{text}", position {position}: {message}')


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
    meant = did_you_mean(name, known, f"it has {listed(known)}")
    return f", which the data does not have; {meant}"


@dataclass(frozen=True)
class _Column:
    name: str
    position: int


@dataclass(frozen=True)
class _Literal:
    value: float | str
    position: int


class _Rows:
    """The rows that a condition is asked of."""

    def __init__(self, text: str, frame: pd.DataFrame) -> None:
        self._text = text
        self._frame = frame

    def __len__(self) -> int:
        return len(self._frame)

    def values(self, column: _Column) -> pd.Series[Any]:
        if column.name not in self._frame.columns:
            nearest = nearest_column(column.name, self._frame)
            raise self.error(column, f"it names the column '{column.name}'{nearest}")
        return self._frame[column.name]

    def present(self, column: _Column) -> Mask:
        return self.values(column).notna().to_numpy()

    def value(self, side: _Column | _Literal, against: _Column) -> Any:
        """What a side of a comparison is, in the kind of the column that it stands against."""
        values = self.values(against)
        kind = column_kind(values)
        if isinstance(side, _Column):
            other = self.values(side)
            if (column_kind(other), _zone(other) is None) != (kind, _zone(values) is None):
                names = f"'{against.name}' and '{side.name}'"
                raise self.error(side, f"{names} are of different kinds")
            return other
        if isinstance(side.value, str) == (kind == "number"):
            raise self.error(side, f"'{against.name}' {_ADVICE[kind]}")
        return self._moment(side, against.name, _zone(values)) if kind == "time" else side.value

    def _moment(self, side: _Literal, name: str, zone: Any) -> pd.Timestamp:
        refusal = self.error(side, f"'{name}' {_ADVICE['time']}")
        # Pandas reads more: '' and 'NaT' as no time, 'now' and '14:30' by the clock.
        if _TIME.fullmatch(str(side.value)) is None:
            raise refusal
        try:
            moment = pd.Timestamp(side.value)
            if moment.tzinfo is not None:
                return moment.tz_convert(zone) if zone else moment.tz_convert(None)
            return moment.tz_localize(zone) if zone else moment
        except (ValueError, OverflowError):
            raise refusal from None

    def error(self, at: _Column | _Literal, message: str) -> ProjectFileError:
        return _refusal(self._text, at.position, message)


def _zone(values: pd.Series[Any]) -> Any:
    """The zone of a column's times; None of any other column."""
    return getattr(values.dtype, "tz", None)


class _Term(Protocol):
    """A part of a condition that holds or not, row by row."""

    def mask(self, rows: _Rows) -> Mask:
        """Where it holds."""


@dataclass(frozen=True)
class _Junction:
    join: np.ufunc
    parts: tuple[_Term, ...]

    def mask(self, rows: _Rows) -> Mask:
        return cast(Mask, self.join.reduce([part.mask(rows) for part in self.parts]))


@dataclass(frozen=True)
class _Negation:
    part: _Term

    def mask(self, rows: _Rows) -> Mask:
        return ~self.part.mask(rows)


@dataclass(frozen=True)
class _Missing:
    column: _Column

    def mask(self, rows: _Rows) -> Mask:
        return ~rows.present(self.column)


@dataclass(frozen=True)
class _Relation:
    column: _Column
    compare: _Compare
    other: _Column | _Literal

    def mask(self, rows: _Rows) -> Mask:
        holds = self.compare(rows.values(self.column), rows.value(self.other, self.column))
        mask: Mask = holds.to_numpy(dtype=bool) & rows.present(self.column)
        return mask & rows.present(self.other) if isinstance(self.other, _Column) else mask


@dataclass(frozen=True)
class _Membership:
    column: _Column
    allowed: tuple[_Literal, ...]

    def mask(self, rows: _Rows) -> Mask:
        allowed = [rows.value(one, self.column) for one in self.allowed]
        found: Mask = rows.values(self.column).isin(allowed).to_numpy()
        return found & rows.present(self.column)


class _Parser:
    """From the syntax tree of one text to terms."""

    def __init__(self, text: str) -> None:
        self._text = text

    def term(self, node: ast.expr) -> _Term:
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return _Junction(join, tuple(self.term(part) for part in node.values))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return _Negation(self.term(node.operand))
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if self._function(node) in ("isnull", "notnull"):
            missing = _Missing(self._column(self._argument(cast(ast.Call, node))))
            return missing if self._function(node) == "isnull" else _Negation(missing)
        if isinstance(node, ast.Name):
            raise self._error(node, f"'{node.id}' alone is no condition; compare it with a value")
        raise self._error(node, "only comparisons, and, or, not, isnull, notnull are understood")

    def _comparison(self, node: ast.Compare) -> _Term:
        sides = [node.left, *node.comparators]
        steps = list(zip(sides, node.ops, sides[1:], strict=False))
        terms = tuple(self._step(node, left, step, right) for left, step, right in steps)
        return terms[0] if len(terms) == 1 else _Junction(np.logical_and, terms)

    def _step(self, node: ast.Compare, left: ast.expr, step: ast.cmpop, right: ast.expr) -> _Term:
        if isinstance(step, ast.In):
            return self._membership(left, right)
        if isinstance(step, ast.NotIn):
            members = self._membership(left, right)
            present = _Negation(_Missing(members.column))
            return _Junction(np.logical_and, (present, _Negation(members)))
        if type(step) not in _COMPARISONS:
            raise self._error(node, "'is' is not understood; write == or isnull(column)")
        compare, mirrored = _COMPARISONS[type(step)]
        if self._is_column(left):
            column = self._column(left)
            both = self._is_column(right)
            other = self._column(right) if both else self._literal(right, column)
            return _Relation(column, compare, other)
        if self._is_column(right):
            column = self._column(right)
            return _Relation(column, mirrored, self._literal(left, column))
        raise self._error(left, "this comparison names no column")

    def _membership(self, left: ast.expr, right: ast.expr) -> _Membership:
        column = self._column(left)
        if not isinstance(right, ast.List | ast.Tuple | ast.Set):
            raise self._error(right, "'in' needs a list, such as ['a', 'b']")
        if not right.elts:
            raise self._error(right, "the list is empty; name the values that are meant")
        return _Membership(column, tuple(self._literal(item, column) for item in right.elts))

    def _literal(self, node: ast.expr, column: _Column) -> _Literal:
        """A number or a word, which stands against the column."""
        signed = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        inner = cast(ast.UnaryOp, node).operand if signed else node
        value = inner.value if isinstance(inner, ast.Constant) else ...
        if value is None:
            raise self._error(inner, f"write isnull({column.name}) to ask for missing cells")
        if isinstance(value, int | float) and not isinstance(value, bool):
            if not abs(value) < _LARGEST:
                raise self._error(inner, "the number is too large")
            return _Literal(-value if signed else value, self._position(inner))
        if isinstance(value, str) and not signed:
            return _Literal(value, self._position(inner))
        raise self._error(inner, "a number, a word in quotes or a column is needed here")

    def _is_column(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) or self._function(node) == "col"

    def _column(self, node: ast.expr) -> _Column:
        if isinstance(node, ast.Name):
            return _Column(node.id, self._position(node))
        if self._function(node) != "col":
            raise self._error(node, "a column is needed here")
        argument = self._argument(cast(ast.Call, node))
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise self._error(node, "col needs a column name in quotes")
        return _Column(argument.value, self._position(node))

    def _function(self, node: ast.expr) -> str:
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return cast(ast.Name, cast(ast.Call, node).func).id if named else ""

    def _argument(self, node: ast.Call) -> ast.expr:
        if len(node.args) != 1 or node.keywords:
            raise self._error(node, f"{self._function(node)} takes one column")
        return node.args[0]

    def _position(self, node: ast.expr) -> int:
        # The parser counts bytes; a reader counts characters.
        return len(self._text.encode()[: node.col_offset].decode(errors="ignore")) + 1

    def _error(self, node: ast.expr, message: str) -> ProjectFileError:
        return _refusal(self._text, self._position(node), message)
