"""Can the source be read, and are its columns what the project says?

Guarantees: every function returns checks and raises nothing for bad data; each detail is one
sentence with its numbers and, where something is wrong, the next move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from tasks.checks import Check, judged
from tasks.ingestion.cell_types import MIN_NUMERIC_SHARE, MIXED_NUMERIC_SHARE
from tasks.ingestion.cells import TypedColumn
from tasks.ingestion.csv_layout import HEADER_AGAIN, field_count_reason
from tasks.ingestion.role_resolution import unknown_columns
from tasks.ingestion.sources import RawSource
from tasks.ingestion.wording import check, joined, listed
from tasks.messages import did_you_mean
from tasks.project.roles import ROW_KEY, Roles
from tasks.project.sections import Project


def judge_readable(raw: RawSource) -> Check:
    """Whether the file could be read at all."""
    title = "The source file can be read"
    if raw.problem is not None:
        return check("readable", title, "failed", _sentence(raw.problem))
    bad = Counter(row.reason for row in raw.bad_rows)
    set_aside = "; ".join(f"{n:,} set aside: {reason}" for reason, n in sorted(bad.items()))
    detail = f"{raw.table.num_rows:,} rows of {len(raw.columns)} columns could be read"
    detail += f", {set_aside}." if bad else ", and every row."
    evidence = "quarantined_rows" if bad else None
    return check("readable", title, "passed", detail, n=raw.table.num_rows, evidence=evidence)


def judge_rows(raw: RawSource) -> Check:
    """Whether there is a row to learn from."""
    title = "The source has rows"
    rows, bad = raw.table.num_rows, len(raw.bad_rows)
    reason = field_count_reason(raw.bad_rows, rows, raw.delimiter)
    if rows and reason:
        return check("rows", title, "failed", _sentence(reason), n=rows)
    if rows:
        return check("rows", title, "passed", f"The source has {rows:,} readable rows.", n=rows)
    detail = (
        f"None of the {bad:,} rows can be read; see the lines that were set aside."
        if bad
        else "The file has a header and no row below it; export it again with its rows."
    )
    return check("rows", title, "failed", _sentence(reason) if reason else detail, n=0)


def judge_inner_headers(raw: RawSource) -> list[Check]:
    """A failed check where the header stands again inside the file; none where it does not."""
    lines = [row.line for row in raw.bad_rows if row.reason == HEADER_AGAIN]
    if not lines:
        return []
    detail = (
        f"The header stands again inside the file, on line {listed(lines)}, as where exports were "
        "put one below the other; it is no row and was set aside. Remove the line."
    )
    title = "The header stands once"
    return [
        check(
            "inner_headers",
            title,
            "failed",
            detail,
            severity="warning",
            value=len(lines),
            n=raw.table.num_rows,
            evidence="quarantined_rows",
        )
    ]


def judge_header(raw: RawSource, project: Project, frozen: Sequence[str] | None) -> list[Check]:
    """Failed checks for columns that are named twice, missing or reserved; none when all is well.

    `frozen` are the columns that made the row's key in the project's earlier runs.
    """
    failed = []
    names = raw.columns
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    title = "The columns are those that the project names"
    if twice:
        detail = f"The header names {listed(twice)} more than once; rename the columns."
        failed.append(check("columns", title, "failed", detail, n=len(names)))
    elif ROW_KEY in names:
        detail = f"The column name '{ROW_KEY}' is reserved for the row's key; rename the column."
        failed.append(check("columns", title, "failed", detail, n=len(names)))
    elif unknown := unknown_columns(project, names):
        detail = f"The source has no column {joined(unknown)}; its columns are {listed(names)}."
        failed.append(check("columns", title, "failed", detail, n=len(names)))
    if project.target not in names:
        failed.append(_missing_target(project.target, names))
    gone = [name for name in frozen or () if name not in names]
    if gone and project.key is None and not project.key_columns:
        detail = (
            f"The rows were keyed by columns that the source no longer has: {listed(gone)}; bring "
            "them back, or declare 'key' or 'key_columns' in the project file to key rows anew."
        )
        failed.append(check("key", "Every row has one key of its own", "failed", detail))
    return failed


def judge_columns(
    roles: Roles, columns: Mapping[str, TypedColumn], told: Collection[str] = ()
) -> Check:
    """Whether a feature is left, and whether a column is half numbers, half words.

    `told` are columns of which another check says how their cells are written.
    """
    title = "The columns are those that the project names"
    count = len(roles.features)
    if not count:
        reasons = [f"'{name}': {reason}" for name, reason in roles.excluded.items()]
        detail = f"No feature is left; excluded are {joined(reasons) or 'none'}."
        return check("columns", title, "failed", detail, n=len(columns), evidence="columns")
    mixed = [
        f"'{column.name}' ({column.numeric_share:.0%} numbers)"
        for column in columns.values()
        if column.numeric_share is not None
        and column.kind != "numeric"
        and column.name not in told
        and MIXED_NUMERIC_SHARE <= column.numeric_share < MIN_NUMERIC_SHARE
    ]
    detail = (
        f"Of {len(columns)} columns {count} are features: {len(roles.numeric)} numeric, "
        f"{len(roles.categorical)} categorical, {len(roles.text)} text"
    )
    if mixed:
        detail += f"; read as words, though partly numbers: {joined(mixed)}. Declare their kind."
        return check(
            "columns", title, "failed", detail, severity="warning", n=len(columns), value=len(mixed)
        )
    return check(
        "columns", title, "passed", f"{detail}.", n=len(columns), value=count, evidence="columns"
    )


def judge_misfits(
    column: TypedColumn, lines: Sequence[int], project: Project, mended: str = ""
) -> Check:
    """Whether the cells that do not fit are few enough; `lines` are those of the misfits.

    `mended` is a sentence on what they are and how they are read.
    """
    known = len(column.values) - column.values.null_count + len(column.misfits)
    wanted = "numbers" if column.kind == "numeric" else "dates or times"
    title = f"The cells of '{column.name}' are {wanted}"
    limit = project.source.max_misfit_share
    what = f"misfit:{column.name}"
    if not known:
        detail = f"Every cell of '{column.name}' is missing; there is none to judge."
        return check(what, title, "not_applicable", detail, limit=limit, n=0)
    if not len(column.misfits):
        detail = f"All {known:,} cells of '{column.name}' that are not missing are {wanted}."
        return check(what, title, "passed", detail, value=0.0, limit=limit, n=known)
    share = len(column.misfits) / known
    within = judged(share, maximum=limit) == "passed"
    done = "blanked" if project.source.on_misfit == "null" else "set aside with their rows"
    examples = [
        f"'{text}' on line {line}"
        for text, line in zip(column.misfit_texts[:3], lines, strict=False)
    ]
    detail = (
        f"{len(column.misfits):,} of {known:,} cells of '{column.name}' ({share:.2%}, limit "
        f"{limit:.2%}) are no {wanted} and were {done}: {', '.join(examples)}."
    )
    if mended:
        detail += f" {mended}"
    elif column.kind == "time":
        detail += " Wanted are dates as 2024-12-31, or the form in source.date_format."
    return check(
        what,
        title,
        "failed",
        detail,
        severity="warning" if within else "critical",
        value=share,
        limit=limit,
        n=known,
        evidence="misfit_cells",
    )


def _missing_target(target: str, names: Sequence[str]) -> Check:
    hint = did_you_mean(target, names, "correct 'target' in the project file.")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|,"):
        hint = "the header is one single column, so set source.delimiter."
    detail = f"The target '{target}' is not among the columns {listed(names)}; {hint}"
    return check("target", f"The target '{target}' can be learned", "failed", detail)


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return text[:1].upper() + text[1:] + "."
