"""Numbers as people write them: decimal comma, thousands, signs and units, other minus signs.

Guarantees: a cell is a number only where all of it is written in the column's form; then its plain
decimal text is the same number, digit by digit. Thousands stand in groups of three (after a comma
also of two before the last three, as in India). A typographic minus is a minus in every form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tasks.project.data_sections import SourceSection

BLANKS = "\\s\u00a0\u2007\u2009\u202f"
OTHER_MINUS = "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
"""Signs that print as a minus and are none of ASCII; the first is the typographic minus."""
MARKS = {",": ",", ".": r"\.", "'": "['\u2019\u02bc]", " ": "[ \u00a0\u2007\u2009\u202f]"}
_OTHER_MINUS_FIRST = rf"^[{OTHER_MINUS}][{BLANKS}]*([0-9.])"


@dataclass(frozen=True)
class NumberForm:
    """How a column's numbers are written."""

    decimal: str = "."
    thousands: str | None = None
    units: tuple[str, ...] = ()
    negative: str = "minus"

    @property
    def is_plain(self) -> bool:
        """Whether these are the numbers of any programming language."""
        return self == NumberForm()


PLAIN = NumberForm()


def form_of(source: SourceSection, column: str) -> NumberForm:
    """The form that the project gives a column's numbers."""
    return NumberForm(
        source.decimal_of(column), source.thousands_of(column), source.units, source.negative
    )


def plain_numbers(trimmed: pa.ChunkedArray, form: NumberForm) -> pa.ChunkedArray:
    """Each cell as a plain decimal number; null, or no number, where it is not in the form.

    `trimmed` holds text without outer blanks.
    """
    if form.is_plain:
        if not pc.any(pc.match_substring_regex(trimmed, _OTHER_MINUS_FIRST)).as_py():
            return trimmed
        return pc.replace_substring_regex(trimmed, _OTHER_MINUS_FIRST, r"-\1")
    return pa.chunked_array(
        [_plain(_parts(chunk, form)) for chunk in trimmed.chunks], type=pa.large_string()
    )


def units_of(trimmed: pa.ChunkedArray, form: NumberForm) -> pa.ChunkedArray:
    """The unit of each cell that is a number of the form: empty where it has none."""
    chunks = []
    for chunk in trimmed.chunks:
        parts = _parts(chunk, form)
        before, after = parts.field("pre"), parts.field("post")
        unit = pc.if_else(pc.equal(before, ""), after, before)
        chunks.append(pc.if_else(pc.is_valid(_plain(parts)), unit, None).cast(pa.large_string()))
    return pa.chunked_array(chunks, type=pa.large_string())


def _parts(cells: pa.Array, form: NumberForm) -> pa.StructArray:
    parts = pc.extract_regex(cells, _pattern(form))
    # A cell that does not match is a null of the struct, whose fields know nothing of it.
    matched = parts.is_valid()
    fields = [pc.if_else(matched, parts.field(i), None) for i in range(parts.type.num_fields)]
    return pa.StructArray.from_arrays(fields, names=[field.name for field in parts.type])


def _pattern(form: NumberForm) -> str:
    sign = rf"[-+{OTHER_MINUS}]"
    unit = "|".join(re.escape(one) for one in sorted(form.units, key=len, reverse=True))
    whole = "[0-9]+"
    if form.thousands is not None:
        mark = MARKS[form.thousands]
        whole = f"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|{whole}"
        if form.thousands == ",":
            whole = f"[0-9]{{1,2}}(?:,[0-9]{{2}})+,[0-9]{{3}}|{whole}"
    opened, closed, trailing = ("", "", "")
    if form.negative == "parentheses":
        opened, closed = r"\(", r"\)"
    if form.negative == "trailing":
        trailing = rf"[-{OTHER_MINUS}]"
    parts = [
        f"(?P<open>{opened}){'?' if opened else ''}",
        f"(?P<sign>{sign})?",
        f"(?P<pre>{unit})?",
        f"(?P<inner>{sign})?",
        f"(?P<whole>{whole})?(?:{MARKS[form.decimal]}(?P<rest>[0-9]*))?",
    ]
    tail = [
        f"(?P<post>{unit})?",
        f"(?P<trailing>{trailing})?",
        f"(?P<close>{closed}){'?' if closed else ''}",
    ]
    blank = f"[{BLANKS}]*"
    power = "(?P<power>[eE][-+]?[0-9]+)?"
    return f"^{blank.join(parts)}{power}{blank}{blank.join(tail)}$"


def _plain(parts: pa.StructArray) -> pa.Array:
    whole = pc.replace_substring_regex(parts.field("whole"), "[^0-9]", "")
    rest = parts.field("rest")
    signs = pc.binary_join_element_wise(
        parts.field("sign"),
        parts.field("inner"),
        parts.field("trailing"),
        parts.field("open"),
        _NOTHING,
    )
    closed = pc.equal(pc.equal(parts.field("open"), ""), pc.equal(parts.field("close"), ""))
    digits = pc.greater(pc.add(pc.utf8_length(whole), pc.utf8_length(rest)), 0)
    fits = pc.and_(pc.and_(closed, digits), pc.less_equal(pc.utf8_length(signs), 1))
    sign = pc.if_else(
        pc.match_substring_regex(signs, rf"^[-(\){OTHER_MINUS}]"), _text("-"), _NOTHING
    )
    point = pc.if_else(pc.equal(rest, ""), _NOTHING, _text("."))
    whole = pc.if_else(pc.equal(whole, ""), _text("0"), whole)
    text = pc.binary_join_element_wise(sign, whole, point, rest, parts.field("power"), _NOTHING)
    return pc.if_else(fits, text, pa.scalar(None, text.type))


def _text(word: str) -> pa.Scalar:
    return pa.scalar(word, pa.large_string())


_NOTHING = _text("")
