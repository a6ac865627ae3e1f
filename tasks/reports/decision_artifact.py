"""A run on the page of its flow run: what a person reads in the morning, without leaving it.

Guarantees: the verdict is the first line; what did not pass is listed by importance, what passed is
counted; a number that the decision rests on stands with its interval; text from data stays text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tasks.checks import StageResult
from tasks.markup import bullets, escape, grid
from tasks.reports.markdown import joined, tell_links, tell_next, tell_open
from tasks.reports.picture import picture
from tasks.reports.summary import verdict_notes, verdict_reasons, verdict_sentence
from tasks.reports.words import (
    EXIT_MEANINGS,
    STAGE_MARKS,
    VERDICT_MARKS,
    count_outcomes,
    moment,
    stage_title,
)
from tasks.runs import RunRecord, StageRecord
from tasks.wording import numbers

_MOST_CHECKS = 30


def decision_markdown(run: RunRecord, links: Mapping[str, str]) -> str:
    """The whole run for the Prefect UI; `links` maps a name to an address that a browser opens."""
    ended = f"exit code {run.exit_code}, {EXIT_MEANINGS.get(run.exit_code, 'unknown')}"
    about = f"{run.project.name} · run {run.run_id} of {moment(run.started)} · {ended}"
    reasons = [text for text, _ in verdict_reasons(run)]
    parts = [
        f"# {VERDICT_MARKS[run.verdict].glyph} {escape(verdict_sentence(run))}",
        escape(about),
        tell_links(links),
        bullets([*reasons, *verdict_notes(run)]),
        "## Key numbers",
        grid(("Number", "Value"), _numbers(run)),
        *_gain(_result(run, "gate")),
        *tell_next(run),
        *_checks(run.stages),
        "## Stages",
        _stages(run.stages),
    ]
    return joined(parts)


def _result(run: RunRecord, name: str) -> StageResult | None:
    return next((stage.result for stage in run.stages if stage.name == name), None)


def _numbers(run: RunRecord) -> list[tuple[str, str]]:
    gate, rows = _result(run, "gate"), run.dataset
    split = _result(run, "splitting")
    test = split.facts.get("rows", {}).get("test") if split else None
    candidate, champion = run.candidate_version, run.champion_version
    found = [
        *(_gate_numbers(gate) if gate else ()),
        ("Test rows", _count(test)),
        ("Rows in", _count(rows.get("rows_in"))),
        ("Rows kept", _count(rows.get("rows_kept"))),
        ("Rows quarantined", _count(rows.get("rows_quarantined"))),
        ("Candidate", f"version {candidate}" if candidate else "none"),
        ("Champion now", f"version {champion}" if champion else "none"),
    ]
    return [(name, value) for name, value in found if value]


def _gate_numbers(gate: StageResult) -> Iterable[tuple[str, str]]:
    """Each model's metric, and what the candidate gains over each, with their intervals."""
    metric = str(gate.facts["metric"])
    for row in gate.tables["comparison"].frame.to_dict("records"):
        yield f"{metric} on test, {row['label']}", numbers.estimate(*_ends(row))
    for row in gate.facts["differences"]:
        size = "undefined"
        if row["value"] is not None:
            size = numbers.signed(row["value"], row["low"], row["high"])
        yield f"Gain in {metric} over the {row['label']}", f"{size} on {row['n']:,} test rows"


def _ends(row: Mapping[Any, Any]) -> tuple[float, float, float]:
    return float(row["value"]), float(row["low"]), float(row["high"])


def _count(number: object) -> str:
    return "" if number is None else f"{number:,}"


def _gain(gate: StageResult | None) -> list[str]:
    """The figure that the verdict rests on: the gain, or the models where there is none."""
    figures = gate.figures if gate else ()
    figure = next((f for f in figures if f.table == "differences"), next(iter(figures), None))
    if gate is None or figure is None:
        return []
    return [f"### {escape(figure.title)}", picture(figure, gate.tables[figure.table].frame)]


def _checks(stages: Iterable[StageRecord]) -> list[str]:
    checks = [check for stage in stages for check in stage.checks]
    return ["## Checks", f"{count_outcomes(checks)}.", *tell_open(checks, _MOST_CHECKS)]


def _stages(stages: Iterable[StageRecord]) -> str:
    """A line a stage; a list, because its words would be too wide for a table."""
    return "\n".join(_stage_line(stage) for stage in stages)


def _stage_line(stage: StageRecord) -> str:
    name = f"- {STAGE_MARKS[stage.outcome]}: **{escape(stage_title(stage.name))}**"
    if stage.result is None:
        return name
    return f"{name}, {escape(stage.result.summary)} ({count_outcomes(stage.checks)})"
