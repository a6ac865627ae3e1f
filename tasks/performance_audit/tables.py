"""The audit's evidence as tables and figures: what a reader sees behind the checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.checks import Check, Figure, Table
from tasks.intervals import Estimate
from tasks.performance_audit.gaps import GapRates, GroupRate

INTERVALS_NOTE = "low and high are 95 % intervals"


def overall_table(estimates: Mapping[str, Estimate]) -> Table:
    """Every metric over all test rows with its interval; an undefined one is empty."""
    rows = [(name, e.value, e.low, e.high, e.n) for name, e in estimates.items()]
    return Table(
        title="Metrics over all test rows",
        frame=pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n"]),
        note=f"{INTERVALS_NOTE}.",
    )


def floors_table(checks: Sequence[Check]) -> Table:
    """Every floor with its value, in the order of the checks."""
    rows = [
        (check.title, check.outcome, check.value, *(check.interval or (None, None)), check.limit)
        for check in checks
    ]
    columns = ["floor", "outcome", "value", "low", "high", "limit"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["n"] = [check.n for check in checks]
    return Table(title="Floors (test)", frame=frame, note=f"{INTERVALS_NOTE}.")


def gaps_table(gaps: Sequence[GapRates], min_support: int) -> Table:
    """One row a group and rate, of declared gaps and of the project's slices."""
    rows = []
    for gap in gaps:
        for rate in gap.rates:
            status = "judged" if rate.n >= min_support else "too small to judge"
            name = (gap.column, gap.metric, gap.of_class, rate.group)
            numbers = (rate.value, *rate.interval, rate.count, rate.n, rate.label_rate, rate.rows)
            rows.append((*name, *numbers, status))
    columns = ["column", "rate", "class", "group", "value", "low", "high", "count", "n"]
    return Table(
        title="Rates by group (test)",
        frame=pd.DataFrame(rows, columns=[*columns, "rate_in_labels", "rows", "status"]),
        note=f"value = count / n; {INTERVALS_NOTE}; rate_in_labels = share of the class in the "
        f"group's own labels. A group needs {min_support} rows that count for the rate.",
    )


def gap_pairs_table(gaps: Sequence[GapRates]) -> Table:
    """One row a column and rate: its two extreme groups, their difference and their ratio."""
    rows = []
    for gap in gaps:
        difference, ratio = gap.difference, gap.ratio
        if difference is None or ratio is None:
            continue
        high, low = gap.extremes
        names = (gap.column, gap.metric, gap.of_class, high.group, low.group)
        numbers = [v for e in (difference, ratio) for v in (e.value, e.low, e.high)]
        rows.append((*names, *numbers))
    columns = ["column", "rate", "class", "highest_group", "lowest_group"]
    columns += ["difference", "difference_low", "difference_high"]
    columns += ["ratio", "ratio_low", "ratio_high"]
    return Table(
        title="Largest gap of each column and rate (test)",
        frame=pd.DataFrame(rows, columns=columns),
        note=f"difference = highest - lowest, ratio = lowest / highest; {INTERVALS_NOTE}. The "
        "four-fifths rule is a ratio of 0.8 of the favourable outcome: where the class is the "
        "harm, compare the other class.",
    )


def gap_charts(gaps: Sequence[GapRates], target: str) -> tuple[dict[str, Table], list[Figure]]:
    """A chart of the groups' rates for each gap that has one group to judge, with its table."""
    tables: dict[str, Table] = {}
    figures: list[Figure] = []
    for gap in gaps:
        if not gap.judgeable:
            continue
        name = f"gap_{len(tables) + 1}"
        words = gap.metric.replace("_", " ")
        title = f"{words.capitalize()} of {target}={gap.of_class} by {gap.column} (test)"
        tables[name] = Table(title=title, frame=_chart(gap.judgeable), note=_left_out(gap.small))
        figures.append(
            Figure(
                kind="intervals",
                title=title,
                table=name,
                unit="share of rows",
                alt=f"The {words} of each group of {gap.column} with its 95 % interval.",
            )
        )
    return tables, figures


def _chart(rates: Sequence[GroupRate]) -> pd.DataFrame:
    rows = [(rate.group, rate.value, *rate.interval, rate.n, rate.label_rate) for rate in rates]
    return pd.DataFrame(rows, columns=["label", "value", "low", "high", "n", "rate_in_labels"])


def _left_out(small: Sequence[GroupRate]) -> str:
    if not small:
        return ""
    listed = ", ".join(f"{rate.group} (n={rate.n})" for rate in small[:10])
    return f"Too small to judge: {listed}."
