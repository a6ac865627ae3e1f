"""What the gate leaves behind for a reader: differences, rows needed, tables and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tasks.checks import Figure, Table
from tasks.gate.comparison import Finding
from tasks.gate.contest import Contest, Opponent
from tasks.gate.guards import Guarded
from tasks.gate.rules import is_known
from tasks.gate.spending import percent
from tasks.gate.support import Support

# Columns in which every value may be None.
_NUMBERS = {
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "p_value": "float64",
    "discordant": "Int64",
}


def difference_rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """One JSON value an opponent that was compared with; an undefined number is None."""
    rows = []
    for finding in findings:
        found = finding.difference
        if found is None:
            continue
        numbers = {"value": found.value, "low": found.low, "high": found.high}
        row = {
            "against": finding.opponent.key,
            "label": finding.opponent.label,
            **{name: number if math.isfinite(number) else None for name, number in numbers.items()},
            "n": found.n,
            "method": found.method,
            "level": found.level,
            "p_value": found.p_value,
            "discordant": found.discordant,
            "undefined_share": found.undefined_share,
        }
        rows.append(row)
    return rows


def hardest(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The difference that stands most against the candidate: an undefined, else the lowest."""
    return min(rows, key=lambda row: -math.inf if row["low"] is None else row["low"], default=None)


def rows_needed(
    findings: Sequence[Finding | Guarded], support: Support, *, only_rows: bool
) -> int | None:
    """All test rows at which each open comparison would be decided; None where rows will not help.

    Those that are there count. `only_rows` says that nothing else stands in the way.
    """
    needs = [found.rows_needed for found in findings if found.check.blocks]
    if support.too_small:
        needs = [support.rows_needed, *(need for need in needs if need is not None)]
    known = [need for need in needs if need is not None]
    return max(known) if only_rows and known and len(known) == len(needs) else None


def metrics(findings: Sequence[Finding]) -> dict[str, float]:
    """The differences as numbers to log."""
    logged: dict[str, float] = {}
    for finding in findings:
        found = finding.difference
        if found is not None and is_known(found):
            name = f"gate.difference.{finding.opponent.key}"
            logged |= {name: found.value, f"{name}.low": found.low, f"{name}.high": found.high}
    return logged


def tables(
    contest: Contest,
    models: Sequence[Opponent],
    findings: Sequence[Finding],
    anchor: Finding | None,
    reasons: Sequence[str],
) -> dict[str, Table]:
    """Why; the models side by side; and their differences, where there are any.

    The anchor stands apart: its rows and its limit are its own.
    """
    shown = {
        "reasons": Table(
            title="Why",
            frame=pd.DataFrame({"order": range(1, len(reasons) + 1), "reason": list(reasons)}),
        ),
        "comparison": Table(
            title="The models on the compared test rows",
            frame=contest.table(models),
            note="Each interval is the model's own; whether a model is better is decided by the "
            "interval of the difference.",
        ),
    }
    gain = f"Gain of the candidate in {contest.metric}"
    named = {"differences": (gain, findings), "anchor": (f"{gain} over the anchor", [anchor])}
    for name, (title, found) in named.items():
        rows = difference_rows([finding for finding in found if finding is not None])
        if rows:
            shown[name] = Table(
                title=f"{title}, with its {percent(contest.level)} interval",
                frame=pd.DataFrame(rows).astype(_NUMBERS),
                note="Positive is better, also for a metric of which lower values are better.",
            )
    return shown


def figures(
    contest: Contest, tables_shown: dict[str, Table], limits: Mapping[str, float]
) -> tuple[Figure, ...]:
    """The tables of numbers, drawn; `limits` says by table what a gain has to exceed."""
    metric, level = contest.metric, percent(contest.level)
    drawn = [
        Figure(
            kind="intervals",
            title=f"{metric} on test",
            table="comparison",
            alt=f"{metric} of each model on the compared test rows, with 95 % intervals",
            unit=metric,
        )
    ]
    for table, against in (("differences", "each model"), ("anchor", "the anchor")):
        if table in tables_shown:
            over = " over the anchor" if table == "anchor" else ""
            drawn.append(
                Figure(
                    kind="intervals",
                    title=f"Gain of the candidate in {metric}{over}",
                    table=table,
                    alt=f"gain of the candidate in {metric} over {against}, with {level} intervals",
                    unit=metric,
                    limit=limits[table],
                )
            )
    return tuple(drawn)
