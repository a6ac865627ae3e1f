"""A stage, or a whole run in short, as GitHub-flavoured Markdown.

Guarantees: text from data stays text: it makes no table cell, no link, no emphasis and no HTML; a
stage's Markdown has at most about `MOST_CHARACTERS`, and says what was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from tasks.audit_plan import plan_results, tell_open_risks
from tasks.checks import Check, StageResult, Table
from tasks.markup import bullets, escape, grid, link
from tasks.reports.picture import picture
from tasks.reports.signed import signed_points
from tasks.reports.summary import verdict_notes, verdict_reasons, verdict_sentence
from tasks.reports.tables import show_table
from tasks.reports.words import (
    EXIT_MEANINGS,
    STAGE_MARKS,
    by_importance,
    check_mark,
    count_outcomes,
    duration,
    stage_title,
)
from tasks.runs import RunRecord, StageRecord
from tasks.wording import numbers

MOST_CHARACTERS = 150_000
"""Of one artifact: it is stored once a run, and a browser lays it out whole."""

_ROWS = 10
_MOST_CHECKS = 40
_MOST_COLUMNS = 12


def stage_markdown(stage: StageRecord, links: Mapping[str, str]) -> str:
    """A stage's summary, what did not pass, its figures, the passed checks, and its tables.

    Of a table the first ten rows are shown; `links` maps a name to an address.
    """
    parts = [f"# {stage_title(stage.name)}", _state(stage), tell_links(links)]
    if stage.result is None:
        parts.append(f"The stage was {STAGE_MARKS[stage.outcome].word}.")
        return joined(parts)
    passed = [check for check in by_importance(stage.checks) if check.outcome == "passed"]
    parts += [escape(stage.result.summary), "## Checks", count_outcomes(stage.checks) + "."]
    parts += tell_open(stage.checks, _MOST_CHECKS)
    groups = chain(
        ((name, "figure", text) for name, text in _figures(stage.result)),
        [("Passed checks", "list of checks", _passed(passed))] if passed else (),
        ((table.title, "table", _table(table)) for table in stage.result.tables.values()),
    )
    return joined([*parts, *_as_many_as_fit(groups, sum(len(part) for part in parts))])


def run_markdown(run: RunRecord) -> str:
    """The verdict with its reasons, what to work on next, open risks, stages, where the rest is."""
    reasons = [text for text, _ in verdict_reasons(run)]
    exit_code = f"Exit code {run.exit_code}: {EXIT_MEANINGS.get(run.exit_code, 'unknown')}."
    parts = [
        f"# {escape(run.project.name)}",
        f"**{escape(verdict_sentence(run))}** {exit_code}",
        bullets([*reasons, *verdict_notes(run)]),
        *tell_next(run),
    ]
    rows = [
        (str(STAGE_MARKS[s.outcome]), stage_title(s.name), s.result.summary if s.result else "")
        for s in run.stages
    ]
    parts += ["## Stages", grid(("Outcome", "Stage", "Key numbers"), rows), "## Where to look"]
    places = {"Run": run.run_id, "MLflow run": run.mlflow_run_id}
    places["Prefect flow run"] = run.prefect_flow_run_id
    listed = [f"- {name}: {escape(value)}" for name, value in places.items() if value]
    if run.report:
        listed.insert(0, f"- {link('Decision page', _address(run.report))}")
    return joined([*parts, "\n".join(listed)])


def tell_next(run: RunRecord) -> list[str]:
    """How the run compares with the champion, what to work on next, and which risks are signed."""
    parts = []
    if run.compared:
        parts += ["## Compared with the champion", bullets(run.compared)]
    if run.work_next:
        parts += ["## What to work on next", bullets(run.work_next, "1.")]
    if any(stage.name == "performance_audit" and stage.result for stage in run.stages):
        checks = (check for stage in run.stages for check in stage.checks)
        results = plan_results(run.project.audit, checks)
        parts += ["## What is signed", escape(tell_open_risks(results))]
        parts += [bullets(signed_points(results))]
    return parts


def tell_links(links: Mapping[str, str]) -> str:
    """The links on one line."""
    return " · ".join(link(name, address) for name, address in links.items())


def joined(parts: Iterable[str]) -> str:
    """The parts that there are, as paragraphs."""
    return "\n\n".join(part for part in parts if part) + "\n"


def _state(stage: StageRecord) -> str:
    words = [f"**{STAGE_MARKS[stage.outcome]}**"]
    if stage.result is not None:
        words.append("cached" if stage.cached else duration(stage.seconds))
    return " · ".join(words)


def tell_open(checks: Iterable[Check], most: int) -> list[str]:
    """The checks that did not pass as a list by importance, those for information by title only.

    A list, because Prefect's first UI does not break the lines of a table's cells.
    """
    found = [check for check in by_importance(checks) if check.outcome != "passed"]
    quiet = [c for c in found if c.severity == "info" and c.outcome == "not_applicable"]
    loud = [check for check in found if check not in quiet or check.blocks]
    shown = "\n".join(_open_check(check) for check in loud[:most])
    more = f"And {len(loud) - most:,} more, on the decision page." if len(loud) > most else ""
    titles = ", ".join(check.title for check in quiet[:most] if not check.blocks)
    return [shown, more, escape(f"For information, not applicable: {titles}.") if titles else ""]


def _open_check(check: Check) -> str:
    written = numbers.check_numbers(check)
    limit = f"limit {written.limit}" if written.limit else ""
    rows = f"n {written.n}" if written.n else ""
    beside = ", ".join(words for words in (limit, rows) if words)
    value = f"{written.value} {written.interval}".strip()
    title = f"{check.title}{f': {value}' if value else ''}{f' ({beside})' if beside else ''}."
    return f"- **{check_mark(check)}**, {check.severity}: {escape(title)} {escape(check.detail)}"


def _passed(checks: Sequence[Check]) -> str:
    head = ("Severity", "Check", "Value", "Interval", "Limit", "n")
    rows = (_passed_row(check) for check in checks[:_MOST_CHECKS])
    more = len(checks) - _MOST_CHECKS
    after = f"And {more:,} more, on the decision page." if more > 0 else ""
    return joined(["## Passed", grid(head, rows), after]).strip()


def _passed_row(check: Check) -> tuple[str, ...]:
    written = numbers.check_numbers(check)
    return (
        check.severity,
        check.title,
        written.value,
        written.interval,
        written.limit,
        written.n,
    )


def _figures(result: StageResult) -> Iterable[tuple[str, str]]:
    for figure in result.figures:
        table = result.tables.get(figure.table)
        drawn = picture(figure, table.frame if table else pd.DataFrame())
        yield figure.title, f"## {escape(figure.title)}\n\n{drawn}"


def _as_many_as_fit(groups: Iterable[tuple[str, str, str]], used: int) -> list[str]:
    """The texts in their order while there is room, and a sentence on those left out."""
    shown, left_out = [], []
    for title, kind, text in groups:
        if used + len(text) > MOST_CHARACTERS:
            left_out.append(f"{kind} '{title}'")
        else:
            shown.append(text)
            used += len(text)
    if left_out:
        more = f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        shown.append(
            f"Too long to be shown here: {escape(', '.join(left_out[:5]))}{more}. "
            "The decision page has all of it."
        )
    return shown


def _table(table: Table) -> str:
    shown = show_table(table, _ROWS)
    columns, width = shown.columns[:_MOST_COLUMNS], len(shown.columns)
    count = f"(The first {_ROWS} of {shown.total:,} rows.)" if shown.total > _ROWS else ""
    wide = f"(The first {_MOST_COLUMNS} of {width:,} columns.)" if width > _MOST_COLUMNS else ""
    note = " ".join(words for words in (escape(table.note), count, wide) if words)
    if not shown.rows:
        return joined([f"## {escape(table.title)}", note, "The table is empty."]).strip()
    rows = ([cell.text for cell in row[:_MOST_COLUMNS]] for row in shown.rows)
    written = grid([column.name for column in columns], rows, [c.numeric for c in columns])
    return joined([f"## {escape(table.title)}", note, written]).strip()


def _address(report: str) -> str:
    path = Path(report)
    return path.as_uri() if path.is_absolute() else report
