"""Which columns that are read as words hold numbers, dates or missing cells in another notation?

Guarantees: a notation is told only where nine in ten of the cells that are left fit it, and the
settings that go with it make the column what it says; nothing is read otherwise because of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingestion.date_forms import find_date_form
from tasks.ingestion.number_shapes import NumberShape, find_number_shape
from tasks.project.data_sections import SourceSection

MISSING_WORDS = frozenset(
    [
        "?",
        "??",
        "-",
        "--",
        "---",
        "–",
        "—",
        ".",
        "..",
        "...",
        "*",
        "n/a",
        "n.a.",
        "n.a",
        "#n/a",
        "#n/a!",
        "#na",
        "<na>",
        "(null)",
        "\\n",
        "nil",
        "nat",
        "na",
        "nan",
        "null",
        "none",
        "#null!",
        "#div/0!",
        "#value!",
        "#ref!",
        "#name?",
        "#num!",
        "#n/v",
        "k.a.",
        "k.a",
        "k/a",
        "s/d",
        "n/d",
        "nd",
    ]
)
"""Words that mean 'missing' wherever they stand, in lower case."""
_ALSO_NUMBERS = frozenset(
    ("missing", "unknown", "unk", "undefined", "empty", "void", "keine", "unbekannt", "inf")
)
"""Words that mean it among numbers; among words they may be a category."""
_CATEGORIES = frozenset({"none", "nd"})
"""Words that are categories often enough to be left alone among words."""
NUMBERS, DATES, MISSING = "numbers", "dates or times", "missing cells"
_FEW_WORDS = 3
_MANY = 20
_SAMPLE = 5_000


@dataclass(frozen=True)
class Notation:
    """How a column's cells are written, and the settings of `source` that read them.

    `what` is what the cells are ('numbers', 'dates or times', 'missing cells'), `form` how they are
    written, `example` one of them, `cells` how many of the `known` ones. `settings` maps an option
    to its value for this column; `otherwise` says of an ambiguous form what else it may be.
    """

    column: str
    what: str
    form: str
    example: str
    cells: int
    known: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    otherwise: str = ""


def find_notations(
    column: str, known: pa.ChunkedArray, source: SourceSection, *, typed: bool = False
) -> list[Notation]:
    """What the cells of a column of words are, as far as another notation hides it.

    `known` holds the text of the cells that are not missing. `typed` says that the file holds them
    as words by its own type, so that even plain numbers need a form to be read as such.
    """
    counts = _counted(known)
    total = sum(counts.values())
    for but in (frozenset(), _CATEGORIES):
        cells = {cell: n for cell, n in counts.items() if not _is_missing_word(cell, but)}
        odd = {cell: n for cell, n in counts.items() if cell not in cells}
        if shape := find_number_shape(column, cells, source):
            odd |= _odd_words({c: n for c, n in cells.items() if c not in shape.cells})
            numbers = _numbers(column, shape, cells, total, source, typed=typed)
            return [*numbers, *_missing(column, odd, total, source)]
        if dates := find_date_form(list(cells)):
            other = f"; if the month stands first, {dates.other}" if dates.other else ""
            form = f"the form {dates.form}"
            example, fits = next(iter(cells)), sum(cells.values())
            settings = {"date_format": dates.form}
            found = Notation(column, DATES, form, example, fits, total, settings, other)
            return [found, *_missing(column, odd, total, source)]
    # Of two signs, such as + and -, none is a missing one.
    return _missing(column, odd, total, source) if len(cells) > 1 else []


def _numbers(
    column: str,
    shape: NumberShape,
    cells: Mapping[str, int],
    total: int,
    source: SourceSection,
    *,
    typed: bool,
) -> list[Notation]:
    settings, form = dict(shape.settings), shape.form
    if typed and (settings or any("." in cell for cell in shape.cells)):
        settings.setdefault("decimal", source.decimal_of(column))
        form = form or "a decimal point, which the file holds as words"
    if not settings:
        return []
    fits = sum(cells[cell] for cell in shape.cells)
    return [Notation(column, NUMBERS, form, shape.example, fits, total, settings, shape.otherwise)]


def find_hidden_in_numbers(
    column: str, words: pa.ChunkedArray, source: SourceSection
) -> list[Notation]:
    """What a column that is read as numbers may be instead: days as 20241231, thousands as 1.234.

    `words` holds the text of the cells that are not missing.
    """
    counts = _counted(words)
    total, cells = sum(counts.values()), list(counts)
    if len(cells) >= _MANY and all(re.fullmatch(r"(19|20)[0-9]{6}", cell) for cell in cells):
        dates = find_date_form(cells)
        if dates is not None and dates.form == "%Y%m%d":
            settings = {"date_format": dates.form}
            form = "the form %Y%m%d"
            return [Notation(column, DATES, form, cells[0], total, total, settings)]
    settled = isinstance(source.decimal, dict) and column in source.decimal
    if settled or source.thousands_of(column) is not None:
        return []
    grouped = [cell for cell in cells if re.fullmatch(r"-?[1-9][0-9]{0,2}\.[0-9]{3}", cell)]
    small = [cell for cell in cells if re.fullmatch(r"-?[0-9]{1,3}", cell)]
    if len(grouped) < _MANY or not small or len(grouped) + len(small) < len(cells):
        return []
    settings = {"decimal": ",", "thousands": "."}
    form = "what may be a point between thousands"
    return [Notation(column, NUMBERS, form, grouped[0], total, total, settings)]


def _counted(known: pa.ChunkedArray) -> dict[str, int]:
    """Different cells with their number, the most frequent first; of many, an even choice."""
    counts = pc.value_counts(known)
    if len(counts) > _SAMPLE:
        counts = counts.take(pa.array(range(0, len(counts), -(-len(counts) // _SAMPLE))))
    pairs = [(str(pair["values"]), int(pair["counts"])) for pair in counts.to_pylist()]
    return dict(pairs)


def _is_missing_word(cell: str, but: frozenset[str]) -> bool:
    word = cell.strip().casefold()
    return (word in MISSING_WORDS and word not in but) or not word


def _odd_words(cells: Mapping[str, int]) -> dict[str, int]:
    """Words among numbers, where they are few and say 'missing' or stand there often."""
    words = {c: n for c, n in cells.items() if not re.search("[0-9]", c)}
    told = {c: n for c, n in words.items() if c.strip().casefold() in MISSING_WORDS | _ALSO_NUMBERS}
    return told or (
        words if len(words) <= _FEW_WORDS and min(words.values(), default=0) > 1 else {}
    )


def _missing(
    column: str, odd: Mapping[str, int], total: int, source: SourceSection
) -> list[Notation]:
    words = [cell for cell in odd if cell not in source.null_values]
    if not words:
        return []
    settings = {"null_values": sorted(words)}
    form = ", ".join(f"'{word}'" for word in sorted(words)[:_FEW_WORDS])
    cells = sum(odd[word] for word in words)
    return [Notation(column, MISSING, form, words[0], cells, total, settings)]


def common_settings(
    found: Sequence[Notation], marked: Mapping[str, str], source: SourceSection, *, typed: bool
) -> dict[str, Any]:
    """The settings of `source` for all notations that were found, as the project file takes them.

    A form is given once where it disturbs no other column, and else by column. `marked` maps the
    columns whose numbers have a decimal mark, and are read, to that mark.
    """
    settings: dict[str, Any] = {}
    decimals = {n.column: n.settings["decimal"] for n in found if "decimal" in n.settings}
    others = set(marked.values()) - set(decimals.values())
    apart = typed or bool(decimals and others) or len(set(decimals.values())) > 1
    for option in ("decimal", "thousands", "date_format"):
        by_column = {n.column: n.settings[option] for n in found if option in n.settings}
        declared = getattr(source, option)
        by_name = isinstance(declared, dict)
        if not by_column:
            continue
        if not (apart or by_name or len(set(by_column.values())) > 1):
            settings[option] = next(iter(by_column.values()))
            continue
        own = dict(declared) if by_name else {}
        if option == "decimal" and not by_name:
            own = {name: mark for name, mark in marked.items() if mark != "."}
        settings[option] = {**own, **by_column}
    for option in ("units", "null_values"):
        more = [word for n in found for word in n.settings.get(option, ())]
        if more:
            settings[option] = list(dict.fromkeys([*getattr(source, option), *more]))
    negative = [n.settings["negative"] for n in found if "negative" in n.settings]
    if negative:
        settings["negative"] = negative[0]
    return settings
