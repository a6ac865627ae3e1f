"""Are a column's cells numbers in another notation, and in which?

Guarantees: a notation is found only where nine in ten of the different cells are whole in it, and
it is one that `number_forms` reads; of a mark that could be either, thousands go before decimals
and both are named.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.ingestion.number_forms import MARKS, OTHER_MINUS
from tasks.project.data_sections import SourceSection

MIN_FIT = 0.9
_SIGNS = "$€£¥₹₽₩₪₫₺₴₦฿₱₡₲₵₸₿¢₮₭"
_CODES = (
    "USD EUR GBP JPY CHF CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY RUB UAH CNY HKD SGD KRW "
    "INR BRL MXN ARS CLP COP ZAR NGN EGP ILS SAR AED THB IDR MYR PHP VND ISK kr Kr kr. Rs Rs. "
    "Fr Fr. zł Kč Ft lei лв TL R$ RMB Euro euro EURO"
)
_MEASURES = (
    "% ‰ ° °C °F kg g mg µg t lb lbs oz km m cm mm µm mi ft in yd l L ml mL cl dl gal m² m2 km² ha "
    "m³ m3 h hr hrs min s sec ms d day days week weeks month months yr yrs year years y W kW MW "
    "kWh MWh Wh V mV A mA Hz kHz MHz GHz Pa hPa kPa bar mbar psi kJ kcal cal dB rpm mph km/h m/s "
    "kB KB MB GB TB pp bps px pt pcs St. Stk Stück Jahre Tage Std"
)
_NAMED = "|".join(
    re.escape(word) for word in sorted({*_CODES.split(), *_MEASURES.split()}, key=len, reverse=True)
)
_BEFORE = "|".join(re.escape(word) for word in sorted(_CODES.split(), key=len, reverse=True))
_MINUS = rf"[-+{OTHER_MINUS}]"
_CELL = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>{_MINUS})?\s*"
    rf"(?P<pre>(?:[A-Z]{{0,3}}[{_SIGNS}])|(?:{_BEFORE})(?=[\s0-9+-]))?\s*(?P<inner>{_MINUS})?\s*"
    r"(?P<body>[0-9](?:[0-9.,'\u2019\u02bc]|[\s\u00a0\u2007\u2009\u202f](?=[0-9]))*|[.,][0-9]+)"
    r"(?P<power>[eE][-+]?[0-9]+)?\s*"
    rf"(?P<post>[A-Z]{{0,2}}[{_SIGNS}]|{_NAMED})?\s*(?P<trailing>[-{OTHER_MINUS}])?\s*(?P<close>\))?"
)
_MOST_UNITS = 3
_LONGEST = 60
_NEGATIVES = {"parentheses": "parentheses for minus", "trailing": "the minus at the end"}
_NAMES = {",": "a comma", ".": "a point", "'": "an apostrophe", " ": "a blank"}


@dataclass(frozen=True)
class NumberShape:
    """The notation in words, an example, its settings, and the cells that are written in it.

    `settings` are empty where the cells are numbers as `source` reads them. `otherwise` says of an
    ambiguous mark what else it may be.
    """

    form: str
    example: str
    settings: Mapping[str, Any]
    cells: frozenset[str]
    otherwise: str = ""


def find_number_shape(
    column: str, cells: Mapping[str, int], source: SourceSection
) -> NumberShape | None:
    """The notation of a column's different cells (with their number); None for no numbers."""
    short = [cell for cell in cells if len(cell) <= _LONGEST]
    parts = {cell: found for cell in short if (found := _CELL.fullmatch(cell.strip()))}
    parts = {c: f for c, f in parts.items() if not re.match("0[0-9]", f["body"])}
    if not parts or len(parts) < MIN_FIT * len(cells):
        return _half_numbers(cells, parts)
    marks = _marks({cell: _body(found) for cell, found in parts.items()})
    if marks is None:
        return None
    decimal, thousands, other, fitting = marks
    units = Counter(u for c in fitting if (u := parts[c]["pre"] or parts[c]["post"]))
    if len(units) > _MOST_UNITS:
        return None
    settings: dict[str, Any] = {}
    told: list[str] = []
    if decimal != source.decimal_of(column) and (decimal != "." or _has(decimal, fitting)):
        settings["decimal"] = decimal
        told.append(f"a decimal {_NAMES[decimal].split()[1]}")
    if thousands is not None and thousands != source.thousands_of(column):
        settings["thousands"] = thousands
        told.append(f"{_NAMES[thousands]} between thousands")
    missing = [unit for unit in units if unit not in source.units]
    if missing:
        settings["units"] = missing
        told.append("the " + ("signs " if len(missing) > 1 else "sign ") + ", ".join(missing))
    negative = _negative(parts[cell] for cell in fitting)
    if negative not in (None, source.negative):
        settings["negative"] = negative
        told.append(_NEGATIVES[str(negative)])
    example = max(fitting, key=lambda cell: (len(_shown_marks(cell)), cell))
    return NumberShape(" and ".join(told), example, settings, frozenset(fitting), other)


def _half_numbers(
    cells: Mapping[str, int], parts: Mapping[str, re.Match[str]]
) -> NumberShape | None:
    """Plain numbers among few other words, which then say something else than a number."""
    plain = {cell for cell in parts if re.fullmatch(r"\s*-?[0-9]+([.][0-9]+)?\s*", cell)}
    others = len(cells) - len(plain)
    share = sum(cells[cell] for cell in plain) / max(1, sum(cells.values()))
    if not plain or others > _MOST_UNITS or share < 0.5 or len(plain) < 2:
        return None
    return NumberShape("", next(iter(sorted(plain))), {}, frozenset(plain))


def _body(found: re.Match[str]) -> str:
    body = re.sub(r"[\s\u00a0\u2007\u2009\u202f]", " ", found["body"])
    return re.sub("[\u2019\u02bc]", "'", body)


def _marks(
    bodies: Mapping[str, str],
) -> tuple[str, str | None, str, list[str]] | None:
    """Decimal mark, thousands mark, what else it may be, and the cells that fit."""
    ways = []
    for decimal, thousands in itertools.product(".,", (None, ",", ".", "'", " ")):
        if decimal == thousands:
            continue
        whole = r"[0-9]*"
        if thousands is not None:
            mark = MARKS[thousands]
            whole = f"(?:[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|[0-9]{{0,3}}|[0-9]+)"
            if thousands == ",":
                whole = f"(?:[1-9][0-9]?(?:,[0-9]{{2}})+,[0-9]{{3}}|{whole})"
        pattern = re.compile(rf"(?=.*[0-9]){whole}(?:{MARKS[decimal]}[0-9]*)?")
        fitting = [cell for cell, body in bodies.items() if pattern.fullmatch(body)]
        grouped = thousands is not None and any(thousands in bodies[cell] for cell in fitting)
        if len(fitting) >= MIN_FIT * len(bodies) and (thousands is None or grouped):
            ways.append((decimal, thousands, fitting))
    if not ways:
        return None
    most = max(len(fitting) for _, _, fitting in ways)
    best = [way for way in ways if len(way[2]) == most]
    plain = next((way for way in best if way[:2] == (".", None)), None)
    if plain is not None:
        return ".", None, "", plain[2]
    # Thousands before decimals, and of two decimal marks the one that stands in the cells.
    best.sort(key=lambda way: (way[1] is None, not _has(way[0], way[2]), way[0]))
    decimal, thousands, fitting = best[0]
    if not _has_decimal(decimal, thousands, bodies, fitting):
        decimal = "." if thousands != "." else ","
    either = thousands is not None and any(way[:2] == (thousands, None) for way in best[1:])
    other = f'; if it is the decimal mark, source.decimal: "{thousands}"' if either else ""
    return decimal, thousands, other, fitting


def _has_decimal(
    decimal: str, thousands: str | None, bodies: Mapping[str, str], fitting: Sequence[str]
) -> bool:
    return thousands is None or any(decimal in bodies[cell] for cell in fitting)


def _has(mark: str, cells: Iterable[str]) -> bool:
    return any(mark in cell for cell in cells)


def _negative(parts: Iterable[re.Match[str]]) -> str | None:
    for found in parts:
        if found["open"] and found["close"]:
            return "parentheses"
        if found["trailing"]:
            return "trailing"
    return None


def _shown_marks(cell: str) -> str:
    return re.sub("[0-9]", "", cell)
