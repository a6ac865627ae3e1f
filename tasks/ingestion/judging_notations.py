"""Is a column silently read as something else than what its cells say?

Guarantees: every notation that is found is told with its column, an example and the setting that
reads it; every function returns checks and raises nothing for bad data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.checks import Check
from tasks.ingestion.cells import EXACT_WHOLE, TypedColumn, as_words, blank
from tasks.ingestion.date_forms import has_zone
from tasks.ingestion.notations import (
    DATES,
    MISSING,
    Notation,
    common_settings,
    find_hidden_in_numbers,
    find_notations,
)
from tasks.ingestion.number_forms import form_of, units_of
from tasks.ingestion.role_resolution import declared_kinds
from tasks.ingestion.sources import RawSource
from tasks.ingestion.wording import check
from tasks.project.data_sections import SourceSection
from tasks.project.sections import Project

_FIRST = 5_000


def notations_of(
    raw: RawSource, columns: Mapping[str, TypedColumn], project: Project
) -> tuple[dict[str, list[Notation]], dict[str, Any]]:
    """What each column hides, by column, and the settings of `source` that read all of it."""
    found: dict[str, list[Notation]] = {}
    for name, column in columns.items():
        if told := _of_column(raw, column, project):
            found[name] = told
    every = [notation for told in found.values() for notation in told]
    marked = {} if raw.typed or not every else _marked(raw, columns, project.source)
    return found, common_settings(every, marked, project.source, typed=raw.typed)


def _of_column(raw: RawSource, column: TypedColumn, project: Project) -> list[Notation]:
    name, source = column.name, project.source
    declared = declared_kinds(project).get(name)
    settled = {project.key, *raw.left_out, *project.features.exclude}
    settled |= set(project.features.outcome_only)
    if name in settled:
        return []
    if name == project.target and declared == "categorical":
        told = find_notations(name, column.values.drop_null(), source)
        return [notation for notation in told if notation.what == MISSING]
    if len(column.misfits):
        return find_notations(name, _known(raw, name, source), source)
    if declared is not None or column.kind == "time":
        return []
    if column.kind == "numeric":
        return [] if raw.typed else _hidden_in_numbers(raw, name, source)
    return find_notations(name, column.values.drop_null(), source, typed=raw.typed)


def _hidden_in_numbers(raw: RawSource, name: str, source: SourceSection) -> list[Notation]:
    """What the first cells hide, which all cells have to confirm: most columns hide nothing."""
    first = _known(raw, name, source, _FIRST)
    if not find_hidden_in_numbers(name, first, source):
        return []
    return find_hidden_in_numbers(name, _known(raw, name, source), source)


def _known(
    raw: RawSource, name: str, source: SourceSection, rows: int | None = None
) -> pa.ChunkedArray:
    """The cells of the column, or of its first rows, as text and without the missing ones."""
    cells = raw.table[name].slice(0, rows)
    if pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type):
        return pa.chunked_array([], type=pa.large_string())
    return blank(as_words(cells), source.null_values).drop_null()


def _is_text(raw: RawSource, name: str) -> bool:
    kind = raw.table[name].type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _marked(
    raw: RawSource, columns: Mapping[str, TypedColumn], source: SourceSection
) -> dict[str, str]:
    """The columns that are read as numbers with a decimal mark, and the mark."""
    marked = {}
    for name, column in columns.items():
        mark = source.decimal_of(name)
        read = column.kind == "numeric" and not len(column.misfits)
        if read and pc.any(pc.match_substring(as_words(raw.table[name]), mark)).as_py():
            marked[name] = mark
    return marked


def judge_notations(
    found: Mapping[str, Sequence[Notation]],
    settings: Mapping[str, Any],
    columns: Mapping[str, TypedColumn],
) -> list[Check]:
    """A warning for each column that hides something; one passed check where none does."""
    if not found:
        title = "No column is written in another notation"
        words = sum(column.kind in ("categorical", "text") for column in columns.values())
        detail = f"None of {len(columns)} columns, {words} of them read as words, looks like "
        detail += "numbers, dates or missing cells in another notation."
        return [check("notations", title, "passed", detail, n=len(columns), severity="warning")]
    return [
        check(
            f"notation:{name}",
            f"How the cells of '{name}' are written",
            "failed",
            f"{told_notations(told, settings, columns[name].kind)}.",
            severity="warning",
            value=sum(notation.cells for notation in told) / told[0].known,
            n=told[0].known,
            evidence="columns",
        )
        for name, told in found.items()
    ]


def told_notations(told: Sequence[Notation], settings: Mapping[str, Any], kind: str) -> str:
    """What a column's cells are and the settings to write, as a sentence without its point."""
    read_as = {"numeric": "numbers", "time": "dates or times", "text": "text"}.get(kind, "words")
    return (
        f"'{told[0].column}' is read as {read_as}, and {_clauses(told)}; to read it as that, write "
        f"{_written(told, settings)}"
    )


def told_as_mended(told: Sequence[Notation], settings: Mapping[str, Any]) -> str:
    """The same of cells that do not fit their column, as a sentence; empty for nothing told."""
    if not told:
        return ""
    clauses = _clauses(told)
    return f"{clauses[:1].upper()}{clauses[1:]}: write {_written(told, settings)}."


def _clauses(told: Sequence[Notation]) -> str:
    clauses = []
    for one in told:
        cells = f"{one.cells:,} of {one.known:,} cells"
        if one.what == MISSING:
            clauses.append(f"{one.form} in {cells} seems to mean 'missing'")
            continue
        link = "of" if one.what == DATES else "with"
        clauses.append(
            f"{cells} look like {one.what} {link} {one.form}, for example '{one.example}'"
            f"{one.otherwise}"
        )
    return " and ".join(clauses)


def _written(told: Sequence[Notation], settings: Mapping[str, Any]) -> str:
    options = dict.fromkeys(option for one in told for option in one.settings)
    return " and ".join(as_setting(option, settings[option]) for option in options)


def as_setting(option: str, value: Any) -> str:
    """An option of `source` as the project file has it."""
    text = json.dumps(value, ensure_ascii=False)
    return f"source.{option}: {text}"


def judge_names(raw: RawSource, columns: Mapping[str, TypedColumn]) -> list[Check]:
    """A remark on each column of whole numbers that are read as names, for their length."""
    checks = []
    for name, column in columns.items():
        kind = raw.table[name].type
        number = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
        if not number or column.kind != "categorical" or not _beyond_exact(raw.table[name]):
            continue
        detail = (
            f"'{name}' holds whole numbers beyond 2**53 ({kind}), which are read as names, digit "
            "by digit; name it in features.numeric if their size means something."
        )
        title = f"The numbers of '{name}' are quantities"
        checks.append(check(f"names:{name}", title, "failed", detail, severity="info"))
    return checks


def _beyond_exact(numbers: pa.ChunkedArray) -> bool:
    largest = pc.max(pc.abs(numbers.cast(pa.float64(), safe=False))).as_py() or 0.0
    return bool(largest > EXACT_WHOLE)


def judge_zones(
    raw: RawSource, columns: Mapping[str, TypedColumn], project: Project
) -> list[Check]:
    """A warning for each column of times of which some name a zone and some do not."""
    checks = []
    for name, column in columns.items():
        if column.kind != "time" or not _is_text(raw, name):
            continue
        cells = _known(raw, name, project.source)
        zoned = has_zone(cells)
        without = len(cells) - (pc.sum(zoned).as_py() or 0)
        if not without or without == len(cells):
            continue
        examples = [cells.filter(one)[0].as_py() for one in (pc.invert(zoned), zoned)]
        detail = (
            f"{without:,} of {len(cells):,} times of '{name}' name no zone, for example "
            f"'{examples[0]}', and the others do, for example '{examples[1]}'; "
            "those without are taken as UTC, so that their order among the others holds only if "
            "they are. Write the zone into every cell."
        )
        checks.append(
            check(
                f"zones:{name}",
                f"The times of '{name}' are all of one kind",
                "failed",
                detail,
                severity="warning",
                value=without / len(cells),
                n=len(cells),
            )
        )
    return checks


def judge_units(
    raw: RawSource, columns: Mapping[str, TypedColumn], project: Project
) -> list[Check]:
    """A warning for each column of numbers that stand with different units."""
    checks: list[Check] = []
    if not project.source.units:
        return checks
    for name, column in columns.items():
        words = as_words(raw.table[name]) if column.kind == "numeric" else None
        if words is None or (raw.typed and not _is_text(raw, name)):
            continue
        known = pc.utf8_trim_whitespace(blank(words, project.source.null_values).drop_null())
        counts = pc.value_counts(units_of(known, form_of(project.source, name)).drop_null())
        pairs = sorted((pair["counts"], pair["values"]) for pair in counts.to_pylist())[::-1]
        if len(pairs) < 2:
            continue
        shown = ", ".join(
            f"{n:,} with '{unit}'" if unit else f"{n:,} without any" for n, unit in pairs
        )
        detail = (
            f"The numbers of '{name}' stand with different units ({shown}), and are read as they "
            "are written, without any conversion; bring them to one unit."
        )
        checks.append(
            check(
                f"units:{name}",
                f"The numbers of '{name}' are all of one unit",
                "failed",
                detail,
                severity="warning",
                value=len(pairs),
                n=len(known),
            )
        )
    return checks
