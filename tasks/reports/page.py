"""The decision page: one HTML file that a product owner can read, now and in ten years.

Guarantees: nothing is requested from anywhere (a content policy in the file forbids it) and no
script runs; every value is escaped; the same record gives the same bytes; an outcome is a sign
and a word, and every figure has its numbers beside it as a table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tasks.checks import Check, Figure, StageResult, Table
from tasks.reports.figures import draw
from tasks.reports.signed import Signed, tell_signed
from tasks.reports.summary import verdict_notes, verdict_reasons, verdict_sentence
from tasks.reports.tables import ShownTable, show_table
from tasks.reports.trend import draw_trend
from tasks.reports.words import (
    EXIT_MEANINGS,
    STAGE_MARKS,
    VERDICT_MARKS,
    Mark,
    by_importance,
    check_mark,
    count_outcomes,
    duration,
    moment,
    needs_attention,
    stage_title,
)
from tasks.runs import RunRecord, StageRecord
from tasks.stage_specs import find_spec
from tasks.wording.numbers import Written, check_numbers

_MOST_ROWS = 50
_TIED = re.compile(r"(?<=\d) (?=%)|(?<=\bversion) (?=\d)")
_FOLDED_ABOVE = 8
"""Tables with more rows, and groups with more checks, start closed."""


@dataclass(frozen=True)
class _CheckView:
    check: Check
    anchor: str
    mark: Mark
    written: Written


@dataclass(frozen=True)
class _FigureView:
    figure: Figure
    svg: Markup
    table: ShownTable | None


@dataclass(frozen=True)
class _TrendView:
    svg: Markup
    table: ShownTable


@dataclass(frozen=True)
class _CheckGroup:
    """Checks under one heading; an empty heading is shown open, another one folded."""

    heading: str
    checks: tuple[_CheckView, ...]


@dataclass(frozen=True)
class _StageView:
    name: str
    title: str
    question: str
    mark: Mark
    summary: str
    time: str
    counts: str
    groups: tuple[_CheckGroup, ...]
    figures: tuple[_FigureView, ...]
    tables: tuple[ShownTable, ...]


@dataclass(frozen=True)
class _Reason:
    text: str
    anchor: str


def render_page(run: RunRecord) -> str:
    """The run as one self-contained HTML document, in light and dark, for screen and paper."""
    return (
        templates()
        .get_template("decision.html.j2")
        .render(
            run=run,
            mark=VERDICT_MARKS[run.verdict],
            sentence=verdict_sentence(run),
            notes=verdict_notes(run),
            reasons=_reasons(run),
            started=moment(run.started),
            facts=_facts(run),
            trend=_trend(run.trend),
            signed=_signed(run),
            stages=[_stage(stage) for stage in run.stages],
            metrics=_metrics(run),
            provenance=_provenance(run),
            folded_above=_FOLDED_ABOVE,
        )
    )


@cache
def templates() -> Environment:
    """The templates beside this module: everything that they are given is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["prose"] = _prose
    return environment


def _prose(sentence: str) -> str:
    """The sentence with spaces that do not break inside `8.1 %` and `version 3`."""
    return _TIED.sub("\u00a0", sentence)


def _reasons(run: RunRecord) -> list[_Reason]:
    anchors = {
        check.id: _anchor(stage.name, place)
        for stage in run.stages
        for place, check in enumerate(stage.checks)
    }
    return [
        _Reason(text, anchors.get(check.id, "") if check else "")
        for text, check in verdict_reasons(run)
    ]


def _signed(run: RunRecord) -> Signed | None:
    anchors = {
        id(check): _anchor(stage.name, place)
        for stage in run.stages
        for place, check in enumerate(stage.checks)
    }
    return tell_signed(run, lambda check: anchors[id(check)])


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    """What stands beside the verdict, by name; what is not known is left out."""
    kept, rows_in = run.dataset.get("rows_kept"), run.dataset.get("rows_in")
    rows = f"{kept:,} of {rows_in:,} kept" if kept is not None and rows_in is not None else ""
    quarantined = run.dataset.get("rows_quarantined")
    checks = [check for stage in run.stages for check in stage.checks]
    facts = {
        "Ends with": f"exit code {run.exit_code}: {EXIT_MEANINGS.get(run.exit_code, 'unknown')}",
        "Candidate": f"version {run.candidate_version}" if run.candidate_version else "",
        "Champion": f"version {run.champion_version}" if run.champion_version else "none",
        "Rows": f"{rows}, {quarantined:,} quarantined" if rows and quarantined else rows,
        "Judged": count_outcomes(checks),
    }
    return [(name, value) for name, value in facts.items() if value]


def _stage(stage: StageRecord) -> _StageView:
    result, spec = stage.result, find_spec(stage.name)
    drawn = {figure.table for figure in result.figures} if result else set()
    return _StageView(
        name=stage.name,
        title=stage_title(stage.name),
        question=spec.question if spec else "",
        mark=STAGE_MARKS[stage.outcome],
        summary=result.summary if result else "",
        time="cached" if stage.cached else duration(stage.seconds) if result else "",
        counts=count_outcomes(stage.checks),
        groups=_groups(stage),
        figures=tuple(_figure(figure, result) for figure in result.figures) if result else (),
        tables=tuple(
            show_table(table, _MOST_ROWS)
            for name, table in (result.tables.items() if result else ())
            if name not in drawn
        ),
    )


def _groups(stage: StageRecord) -> tuple[_CheckGroup, ...]:
    """What needs attention open, the rest open while it is short, information folded."""
    anchors = {check.id: _anchor(stage.name, i) for i, check in enumerate(stage.checks)}
    views = [
        _CheckView(check, anchors[check.id], check_mark(check), check_numbers(check))
        for check in by_importance(stage.checks)
    ]
    # A failure is worth seeing even where nothing depends on it.
    urgent = [v for v in views if needs_attention(v.check) or v.check.outcome == "failed"]
    others = [view for view in views if view not in urgent]
    info = [view for view in others if view.check.severity == "info"]
    judged = [view for view in others if view.check.severity != "info"]
    open_group, folded = (urgent, judged) if len(judged) > _FOLDED_ABOVE else (urgent + judged, [])
    others_heading = "Others, " if urgent else ""
    groups = (
        _CheckGroup("", tuple(open_group)),
        _CheckGroup(f"{others_heading}{_counted(folded)}", tuple(folded)),
        _CheckGroup(f"For information, {_counted(info)}", tuple(info)),
    )
    return tuple(group for group in groups if group.checks)


def _counted(views: Sequence[_CheckView]) -> str:
    return count_outcomes(view.check for view in views)


def _figure(figure: Figure, result: StageResult) -> _FigureView:
    table = result.tables.get(figure.table)
    frame = table.frame if table else pd.DataFrame()
    shown = show_table(table, _MOST_ROWS) if table else None
    # `draw` escapes whatever comes from the data.
    return _FigureView(figure, Markup(draw(figure, frame)), shown)  # noqa: S704


def _trend(trend: Table | None) -> _TrendView | None:
    if trend is None or trend.frame.empty:
        return None
    svg = Markup(draw_trend(trend.title, trend.frame))  # noqa: S704 - escaped there
    return _TrendView(svg, show_table(trend, len(trend.frame)))


def _metrics(run: RunRecord) -> ShownTable:
    frame = pd.DataFrame({"metric": list(run.metrics), "value": list(run.metrics.values())})
    written = frame.assign(value=frame["value"].astype(object))
    return show_table(Table(title="All metrics", frame=written), len(frame))


def _provenance(run: RunRecord) -> list[tuple[str, str]]:
    facts = {name[:1].upper() + name[1:]: str(value) for name, value in run.provenance.items()}
    facts.setdefault("Run", run.run_id)
    facts.setdefault("Seed", str(run.project.seed))
    facts.setdefault("Data fingerprint", str(run.dataset.get("fingerprint") or ""))
    facts.setdefault("MLflow run", run.mlflow_run_id or "")
    facts.setdefault("Prefect flow run", run.prefect_flow_run_id or "")
    facts["Source"] = run.project.source.path
    facts["Changed for this run"] = ", ".join(run.overrides)
    return [(name, value) for name, value in facts.items() if value]


def _anchor(stage: str, place: int) -> str:
    return f"{stage}-{place + 1}"
