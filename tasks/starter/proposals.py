"""What a starter project should say about a file: the roles of its columns and a first audit plan.

Guarantees: every proposal follows from the columns alone, in their order, so that the same file
gives the same proposals; a protected attribute is proposed for the audit and never taken out of the
features, because what a model does to a group shows only where the group is known, and leaving its
column out removes no bias that other columns carry; limits are guesses, of severity `warning`.
"""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tasks.starter.columns import ColumnProfile, FileProfile
from tasks.starter.protected import protected_attribute, words_of

RARE_SHARE = 0.05
MIN_SUPPORT = 30
TEST_SHARE = 0.2
_NEAR_CONSTANT = 0.98
_MOST_CATEGORIES = 10
_MOST_NUMBERS = 3
_CATEGORY_SLICES = 5
_NUMBER_SLICES = 3
_MOST_RARE = 10
_MOST_PROTECTED = 12
_MANY_NUMBERS = 20

_ID_WORDS = frozenset({"id", "ids", "uuid", "guid", "uid", "identifier", "key", "kennung"})
_NUMBER_WORDS = _ID_WORDS | {"nr", "no", "number", "nummer", "numero", "index", "idx", "ref"}
_GROUP_NAMES = (
    "patient customer client user speaker subject person participant account device machine "
    "household family school hospital store site session student author driver patienten kunde "
    "patiente cliente paciente usuario"
)
_JOINED_ID = re.compile(r"[a-z]{3,}(id|uuid|guid)$")
_NO_ID = re.compile(
    r"(paid|aid|said|bid|grid|void|avoid|covid|acid|valid|solid|rapid|liquid|fluid)$"
)


@dataclass(frozen=True)
class Proposal:
    """All that the project file will say, beyond the target.

    `excluded` maps a column to the reason; `unused` lists those that ingestion leaves out itself.
    `slices` are columns; `extremes` and `important` are conditions with a name. `protected` maps a
    column to its attribute, `rare` a class to its rows.
    """

    key: str | None
    excluded: Mapping[str, str]
    unused: Mapping[str, str]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    text: tuple[str, ...]
    times: tuple[str, ...]
    groups: Mapping[str, int]
    near_constant: Mapping[str, float]
    protected: Mapping[str, str]
    slices: tuple[str, ...]
    extremes: tuple[tuple[str, str], ...]
    important: tuple[str, str] | None
    rare: Mapping[str, int]


def propose(file: FileProfile, target: str, labels: Mapping[str, int]) -> Proposal:
    """What the columns of `file` besides `target` suggest; `labels` maps a label to its rows."""
    columns = [column for name, column in file.columns.items() if name != target]
    key = _key(columns)
    groups = {c.name: c.distinct for c in columns if c.name != key and _is_group(c)}
    times = tuple(c.name for c in columns if c.kind == "time")
    left = [column for column in columns if column.name != key]
    excluded = {column.name: reason for column in left if (reason := _why_excluded(column))}
    unused = {c.name: c.no_feature for c in left if c.no_feature and c.name not in excluded}
    features = [c for c in left if c.name not in excluded and c.name not in unused]
    attributes = {c.name: protected_attribute(c.name) for c in left if c.kind != "text"}
    hits = [(name, found) for name, found in attributes.items() if found]
    protected = dict(hits[:_MOST_PROTECTED])
    plain = [column for column in features if column.name not in protected]
    varied = [column for column in plain if _top(column) < _NEAR_CONSTANT]
    extremes = tuple(_extreme(column) for column in plain if _has_extremes(column))
    return Proposal(
        key=key,
        excluded=excluded,
        unused=unused,
        numeric=_names(features, "numeric"),
        categorical=_names(features, "categorical"),
        text=_names(features, "text"),
        times=times,
        groups=groups,
        near_constant={c.name: share for c in features if (share := _top(c)) >= _NEAR_CONSTANT},
        protected=protected,
        slices=tuple(column.name for column in varied if _is_category(column))[:_CATEGORY_SLICES],
        extremes=extremes[:_NUMBER_SLICES],
        important=_important(varied, extremes),
        rare=_rare(labels),
    )


def in_condition(name: str) -> str:
    """A column's name as a condition of the project file writes it."""
    simple = name.isidentifier() and not keyword.iskeyword(name)
    same = unicodedata.normalize("NFKC", name) == name  # Python reads other forms as this one
    return name if simple and same else f"col({name!r})"


def _names(columns: Iterable[ColumnProfile], kind: str) -> tuple[str, ...]:
    return tuple(column.name for column in columns if column.kind == kind)


def _key(columns: Iterable[ColumnProfile]) -> str | None:
    """The first column that differs in every row and is named like an identifier, else looks so.

    A time is when something was, and no name of it; a measurement differs by its decimals; a number
    that counts the rows of this file is another row's in the next.
    """
    unique = [c for c in columns if c.unique]
    named = [c for c in unique if _named_as(c.name, _NUMBER_WORDS) and _is_name(c)]
    words = [c for c in unique if c.kind == "categorical" and c.no_feature is not None]
    whole = [c for c in unique if c.kind == "numeric" and c.whole and c.rows >= _MANY_NUMBERS]
    numbers = [c for c in whole if not c.counts_rows and protected_attribute(c.name) is None]
    return next((c.name for c in [*named, *words, *numbers]), None)


def _is_name(column: ColumnProfile) -> bool:
    return column.kind == "categorical" or (column.kind == "numeric" and column.whole)


def _named_as(name: str, ends: frozenset[str]) -> bool:
    words = words_of(name)
    if not words:
        return False
    joined = bool(_JOINED_ID.search(words[-1])) and not _NO_ID.search(words[-1])
    return words[-1] in ends or words[0] in _ID_WORDS or joined


def _why_excluded(column: ColumnProfile) -> str:
    if column.distinct == 1 and not column.missing:
        return "every row has the same value"
    if column.counts_rows:
        return "counts the rows of the file"
    if column.kind == "numeric" and column.whole and _named_as(column.name, _ID_WORDS):
        return "an identifier by its name: the size of its numbers means nothing"
    return ""


def _is_group(column: ColumnProfile) -> bool:
    """Whether its values name things that have several rows each, such as patients.

    Their name says so, or their rows stand side by side.
    """
    if column.kind in ("time", "text") or (column.kind == "numeric" and not column.whole):
        return False
    repeated = column.distinct >= 10 and column.known >= 1.5 * column.distinct
    named = _named_as(column.name, _ID_WORDS) or bool(
        set(_GROUP_NAMES.split()) & set(words_of(column.name))
    )
    return repeated and (named or column.blocks)


def is_quantity(column: ColumnProfile) -> bool:
    """Whether a target is a number to be estimated: classes are few, and whole where numbers."""
    if column.kind != "numeric" or column.distinct <= 2:
        return False
    return column.distinct > _MANY_NUMBERS or not column.whole


def _top(column: ColumnProfile) -> float:
    """The share of the rows that have the most frequent value, or no value."""
    if not column.values:
        return 0.0
    return max(column.values[0][1], column.missing) / column.rows


def _is_category(column: ColumnProfile) -> bool:
    most = _MOST_CATEGORIES if column.kind == "categorical" else _MOST_NUMBERS
    return column.kind in ("categorical", "numeric") and 2 <= column.distinct <= most


def _has_extremes(column: ColumnProfile) -> bool:
    return column.kind == "numeric" and column.distinct > 20 and column.low < column.high


def _extreme(column: ColumnProfile) -> tuple[str, str]:
    """The rows from about the 95 % quantile on; rounded down, so that it is never empty."""
    power = 10.0 ** (math.floor(math.log10(abs(column.high) or 1.0)) - 2)
    rounded = float(f"{math.floor(column.high / power + 1e-9) * power:.3g}")
    edge = rounded if column.low < rounded <= column.high else column.high
    number = int(edge) if edge.is_integer() and abs(edge) < 2**53 else edge
    return f"high {column.name}", f"{in_condition(column.name)} >= {number!r}"


def _important(
    plain: Iterable[ColumnProfile], extremes: tuple[tuple[str, str], ...]
) -> tuple[str, str] | None:
    """An example of a condition for important rows: the rarest category, or a high number."""
    for column in plain:
        if _is_category(column) and column.kind == "categorical":
            rarest = column.values[-1][0]
            return f"{column.name} {rarest}", f"{in_condition(column.name)} == {rarest!r}"
    return extremes[0] if extremes else None


def _rare(labels: Mapping[str, int]) -> dict[str, int]:
    """The classes with too small a share, the smallest first; with two classes that is one."""
    rows = sum(labels.values())
    rare = [(name, n) for name, n in labels.items() if n < RARE_SHARE * rows]
    return dict(sorted(rare, key=lambda pair: (pair[1], pair[0]))[:_MOST_RARE])
