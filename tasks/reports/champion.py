"""How a run compares with the champion, in two lines: the effect, and what changed since.

A third tells of labels that people changed, which is what a data-centric step does.

Guarantee: the numbers are the gate's own; a comparison that was not made is told with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.checks import StageResult
from tasks.reports.changes import attribution, changes_sentence
from tasks.run_comparison import Changes, LabelMeasure
from tasks.run_comparison.data import total
from tasks.wording.numbers import signed

_BASELINES = ("constant", "quick")


def effect_line(gate: StageResult | None, *, serving: str | None, is_champion: bool) -> str:
    """What the candidate does better or worse than the champion, version `serving`.

    `gate` is None where no model was trained. `is_champion` says that the candidate was trained on
    the very same inputs as the champion.
    """
    if gate is None:
        return "No model was trained, so there is none to compare with the champion."
    if is_champion:
        return f"This is the champion's own model, version {serving}: nothing to tell them apart."
    differences: Sequence[Mapping[str, Any]] = gate.facts["differences"]
    metric = str(gate.facts["metric"])
    if serving is None:
        found = [row for row in differences if row["against"] in _BASELINES]
        against = [f"{_size(row)} against the {row['label']}" for row in found]
        words = (
            f": {metric} {', '.join(against)}" if against else ", and no baseline to compare with"
        )
        return f"First model{words}{_rows(found)}."
    found = [row for row in differences if row["against"] == "champion"]
    if not found:
        return _why_not(gate, serving)
    row = found[0]
    return f"{_direction(row)} version {serving}: {metric} {_size(row)}{_rows(found)}."


def changes_line(changes: Changes | None, reason: str) -> str:
    """What changed since the champion's run; with None there is no champion, or `reason` says why.

    A reason is a clause.
    """
    if changes is None:
        if reason:
            return f"What changed since the champion's run is not known: {reason}."
        return "Nothing to compare data and settings with: there is no champion."
    caution = attribution(changes) if len(changes.causes) > 1 else ""
    return (
        f"Since the champion's run: {changes_sentence(changes)}.{f' {caution}' if caution else ''}"
    )


def labels_line(changes: Changes | None, measures: Sequence[LabelMeasure]) -> str:
    """What relabelled rows did to the labels' own measures; empty where no row was relabelled."""
    count = 0 if changes is None or changes.data is None else total(changes.data.relabelled)
    if not count:
        return ""
    known = [one for one in measures if one.before is not None and one.after is not None]
    shown = [f"{one.name} {_measure(one.before)} → {_measure(one.after)}" for one in known]
    new = [
        f"{one.name} {_measure(one.after)} (not known before)"
        for one in measures
        if one.before is None and one.after is not None
    ]
    words = f": {', '.join([*shown, *new])}" if shown or new else ""
    rows = "row has another label" if count == 1 else "rows have another label"
    return f"{count:,} {rows}{words}. 'assayline compare' has the metrics by slice."


def _measure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _size(row: Mapping[str, Any]) -> str:
    return "undefined" if row["value"] is None else signed(row["value"], row["low"], row["high"])


def _rows(found: Sequence[Mapping[str, Any]]) -> str:
    return f" on {found[0]['n']:,} test rows" if found else ""


def _direction(row: Mapping[str, Any]) -> str:
    low, high = row["low"], row["high"]
    if low is None or high is None:
        return "Not comparable with"
    if low == high == 0:
        return "The same as"
    return "Better than" if low > 0 else "Worse than" if high < 0 else "Not shown to differ from"


def _why_not(gate: StageResult, serving: str) -> str:
    details = [check.detail for check in gate.checks if check.id == "gate.beats_champion"]
    return details[0] if details else f"The candidate was not compared with version {serving}."
