"""A stage, or a whole run, as GitHub-flavoured Markdown for the artifacts of a flow run.

Guarantee: text from data stays text: it makes no table cell, no link, no emphasis and no HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tasks.audit_plan import plan_results, tell_open_risks
from tasks.checks import Check, Table
from tasks.markup import escape, link
from tasks.reports import numbers
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

_ROWS = 10


def stage_markdown(stage: StageRecord, links: Mapping[str, str]) -> str:
    """A stage's summary, checks and the first ten rows of each table; `links` maps name to URL."""
    mark = STAGE_MARKS[stage.outcome]
    parts = [f"# {stage_title(stage.name)}", _state(stage), _links(links)]
    if stage.result is not None:
        parts += [escape(stage.result.summary), "## Checks", count_outcomes(stage.checks) + "."]
        parts += [_checks(by_importance(stage.checks))]
        for table in stage.result.tables.values():
            parts += _table(table)
    else:
        parts.append(f"The stage was {mark.word}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def run_markdown(run: RunRecord) -> str:
    """The verdict with its reasons, what to work on next, open risks, stages, where the rest is."""
    reasons = [text for text, _ in verdict_reasons(run)]
    exit_code = f"Exit code {run.exit_code}: {EXIT_MEANINGS.get(run.exit_code, 'unknown')}."
    parts = [
        f"# {escape(run.project.name)}",
        f"**{escape(verdict_sentence(run))}** {exit_code}",
        _bullets([*reasons, *verdict_notes(run)], "-"),
    ]
    if run.compared:
        parts += ["## Compared with the champion", _bullets(run.compared, "-")]
    if run.work_next:
        parts += ["## What to work on next", _bullets(run.work_next, "1.")]
    if any(stage.name == "performance_audit" and stage.result for stage in run.stages):
        checks = (check for stage in run.stages for check in stage.checks)
        results = plan_results(run.project.audit, checks)
        parts += ["## What is signed", escape(tell_open_risks(results))]
        parts += [_bullets(signed_points(results), "-")]
    rows = [
        (str(STAGE_MARKS[s.outcome]), stage_title(s.name), s.result.summary if s.result else "")
        for s in run.stages
    ]
    parts += ["## Stages", _grid(("Outcome", "Stage", "Key numbers"), rows), "## Where to look"]
    places = {"Run": run.run_id, "MLflow run": run.mlflow_run_id}
    places["Prefect flow run"] = run.prefect_flow_run_id
    listed = [f"- {name}: {escape(value)}" for name, value in places.items() if value]
    if run.report:
        listed.insert(0, f"- {link('Decision page', _address(run.report))}")
    return "\n\n".join(part for part in [*parts, "\n".join(listed)] if part) + "\n"


def _state(stage: StageRecord) -> str:
    words = [f"**{STAGE_MARKS[stage.outcome]}**"]
    if stage.result is not None:
        words.append("cached" if stage.cached else duration(stage.seconds))
    return " · ".join(words)


def _checks(checks: Sequence[Check]) -> str:
    head = ("Outcome", "Severity", "Check", "Value", "Interval", "Limit", "n", "Detail")
    return _grid(head, (_check_row(check) for check in checks)) if checks else ""


def _check_row(check: Check) -> tuple[str, ...]:
    written = numbers.check_numbers(check)
    return (
        str(check_mark(check)),
        check.severity,
        check.title,
        written.value,
        written.interval,
        written.limit,
        written.n,
        check.detail,
    )


def _table(table: Table) -> list[str]:
    shown = show_table(table, _ROWS)
    count = f"(The first {_ROWS} of {shown.total:,} rows.)" if shown.total > _ROWS else ""
    note = " ".join(words for words in (escape(table.note), count) if words)
    if not shown.rows:
        return [f"## {escape(table.title)}", note, "The table is empty."]
    aligned = [column.numeric for column in shown.columns]
    rows = ([cell.text for cell in row] for row in shown.rows)
    grid = _grid([column.name for column in shown.columns], rows, aligned)
    return [f"## {escape(table.title)}", note, grid]


def _grid(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool] | None = None
) -> str:
    lines = [head, *rows]
    written = [f"| {' | '.join(escape(cell) for cell in cells)} |" for cells in lines]
    rule = "|".join("---:" if is_right else "---" for is_right in right or [False] * len(head))
    return "\n".join([written[0], f"|{rule}|", *written[1:]])


def _bullets(sentences: Iterable[str], sign: str) -> str:
    return "\n".join(f"{sign} {escape(sentence)}" for sentence in sentences)


def _links(links: Mapping[str, str]) -> str:
    return " · ".join(link(name, address) for name, address in links.items())


def _address(report: str) -> str:
    path = Path(report)
    return path.as_uri() if path.is_absolute() else report
