"""Dates and times as people write them: which form is a column's, and what do its cells say?

Guarantees: a form is proposed only where nine in ten of the cells fit it; where day and month could
change places in every cell, both forms are named. A time without a zone is taken as UTC.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MIN_FIT = 0.9
_FIRST = 3
_TRIED = 60
_JUDGED = 2_000
_MONTHS = ("%b", "%B")
_DATES = (
    *(f"%d{m}%m{m}%Y" for m in "./-"),
    *(f"%m{m}%d{m}%Y" for m in "./-"),
    *(f"%Y{m}%m{m}%d" for m in "/.-"),
    "%Y%m%d",
    *(f"%d{m}%m{m}%y" for m in "./-"),
    *(f"%m{m}%d{m}%y" for m in "./-"),
    *(f"%d{m}{b}{m}{y}" for m in (" ", "-", "/", ". ", "") for b in _MONTHS for y in ("%Y", "%y")),
    *(f"{b} %d{m}%Y" for m in (", ", " ") for b in _MONTHS),
    *(f"%Y{m}{b}{m}%d" for m in " -" for b in _MONTHS),
    *(f"{day}, %d {b} %Y" for day in ("%a", "%A") for b in _MONTHS),
    *(f"{day}, {b} %d, %Y" for day in ("%a", "%A") for b in _MONTHS),
    *(f"{day} %d{m}%m{m}%Y" for day in ("%a", "%a,") for m in "./"),
    *(f"%G{m}W%V{m}%u" for m in ("-", "")),
    "%G-W%V",
    "%GW%V",
    *(f"%m{m}%Y" for m in "/.-"),
    *(f"%Y{m}%m" for m in "-/"),
    *(f"{b}{m}{y}" for m in " -" for b in _MONTHS for y in ("%Y", "%y")),
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S %Z %Y",
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y%m%dT%H%M%S",
    "%Y%m%dT%H%M%S%z",
    "%Y%m%d%H%M%S",
    "%Y-%m-%dT%H",
    "%Y-%m-%d %H",
)
_CLOCK = re.compile(
    r"(?P<between>T|,\s|\s-\s|\s+|[-:_])?"
    r"(?P<hour>[0-9]{1,2})(?:(?P<mark>[:.h])(?P<minute>[0-9]{2})(?:(?P=mark)(?P<second>[0-9]{2})"
    r"(?P<part>[.,][0-9]+)?)?)?(?P<half>\s?[AaPp][Mm])?(?P<zone>\s?(?:Z|UTC|GMT|Uhr|[+-][0-9]{2}:?"
    r"(?:[0-9]{2})?))?$"
)
_ZONE = r":[0-9]{2}([.,][0-9]+)?\s*([AaPp][Mm]\s*)?(Z|UTC|GMT|[+-][0-9]{2}:?([0-9]{2})?)$"


@dataclass(frozen=True)
class DateForm:
    """A form of dates, and the other one where the cells do not tell which of the two."""

    form: str
    other: str | None = None


def read_dates(cells: pd.Series, date_format: str | None) -> pd.Series:
    """Each cell as a time in UTC, NaT where it is none of the form (None: ISO 8601).

    With a form, ISO 8601 is not read beside it.
    """
    if date_format is None:
        return pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
    cells = cells.str.strip()
    if "%V" in date_format and not any(day in date_format for day in ("%u", "%w", "%a", "%A")):
        # A week alone is its Monday.
        cells, date_format = cells + "|1", date_format + "|%u"
    return pd.to_datetime(cells, errors="coerce", format=date_format, utc=True)


def has_zone(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which cells, of text, name a zone or an offset after a time."""
    return pc.match_substring_regex(pc.utf8_trim_whitespace(cells), _ZONE)


def find_date_form(cells: Sequence[str]) -> DateForm | None:
    """The form of the different cells of a column; None where they are no dates.

    ISO 8601, as it is read without a form, is not proposed.
    """
    known = [cell.strip() for cell in cells[:_JUDGED]]
    known = [cell for cell in known if cell]
    if not known or sum(_may_be_date(cell) for cell in known) < MIN_FIT * len(known):
        return None
    sample = pd.Series(known[:: max(1, len(known) // _TRIED)][:_TRIED], dtype="str")
    everything = pd.Series(known, dtype="str")
    likely = [form for form in _candidates(sample) if _fit(sample[:_FIRST], form)]
    shares = {form: _fit(everything, form) for form in likely if _fit(sample, form) >= MIN_FIT}
    fitting = [(form, share) for form, share in shares.items() if share >= MIN_FIT]
    if not fitting:
        return None
    best = max(share for _, share in fitting)
    forms = [form for form, share in fitting if share == best]
    other = next((form for form in forms[1:] if _swapped(forms[0]) == form), None)
    return DateForm(forms[0], other)


def _may_be_date(cell: str) -> bool:
    return len(cell) <= 60 and cell[0].isalnum() and sum(sign.isdigit() for sign in cell) >= 2


def _candidates(sample: pd.Series) -> list[str]:
    """Forms of a day, and of a day with the clock that the cells seem to have."""
    clocks = [form for form in dict.fromkeys(map(_clock_form, sample)) if form is not None]
    return [*_DATES, *(f"{day}{clock}" for clock in clocks for day in _DATES if "%H" not in day)]


def _clock_form(cell: str) -> str | None:
    """The form of the time of day, with what stands before it; None where the cell has none."""
    found = _CLOCK.search(cell)
    if found is None or not (found["minute"] or found["half"]):
        return None
    mark = found["mark"] or ""
    form = "%I" if found["half"] else "%H"
    form += f"{mark}%M" if found["minute"] else ""
    form += f"{mark}%S" if found["second"] else ""
    form += f"{found['part'][0]}%f" if found["part"] else ""
    if half := found["half"]:
        form += " %p" if half[0].isspace() else "%p"
    if zone := found["zone"]:
        blank = " " if zone[0].isspace() else ""
        named = zone.strip()
        form += blank + ("%z" if named == "Z" or named[0] in "+-" else named)
    return (found["between"] or "") + form


def _fit(cells: pd.Series, form: str) -> float:
    return float(read_dates(cells, form).notna().mean())


def _swapped(form: str) -> str:
    """The form with day and month in each other's place."""
    return form.replace("%d", "\x00").replace("%m", "%d").replace("\x00", "%m")
