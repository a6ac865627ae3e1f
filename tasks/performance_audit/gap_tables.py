"""How groups fare as tables and figures: each group, the pairs, and the labels behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from tasks.checks import Figure, Table
from tasks.intervals import Estimate
from tasks.metrics.group_metrics import RATES
from tasks.performance_audit.gap_words import LabelRates
from tasks.performance_audit.gaps import GapRates, GroupRate
from tasks.performance_audit.groups import Gaps
from tasks.performance_audit.tables import INTERVALS_NOTE

FOUR_FIFTHS = 0.8
_SIMULTANEOUS = "95 % intervals that hold for all pairs of groups of a line's column at once"


def group_tables(
    gaps: Gaps, target: str, min_support: int
) -> tuple[dict[str, Table], tuple[Figure, ...]]:
    """All tables about groups, and the figures of the declared gaps."""
    measured = (*gaps.declared, *gaps.others)
    charts, figures = gap_charts(gaps.declared, target)
    tables = {
        "gaps": gaps_table(measured, min_support),
        "gap_pairs": gap_pairs_table(measured),
        "gap_groups": gap_groups_table(measured),
        "four_fifths": four_fifths_table(gaps.selection, target),
        "label_rates": label_rates_table(gaps.labels),
    }
    return tables | charts, tuple(figures)


def gaps_table(gaps: Sequence[GapRates], min_support: int) -> Table:
    """One row a group and rate, of declared gaps and of the project's slices."""
    rows = []
    for gap in gaps:
        for rate in gap.rates:
            status = "judged" if rate in gap.judgeable else "too small to judge"
            name = (gap.column, gap.metric, gap.of_class, rate.group)
            numbers = (rate.value, *rate.interval, rate.count, rate.n, rate.units)
            rows.append((*name, *numbers, rate.label_rate, rate.rows, status))
    columns = ["column", "rate", "class", "group", "value", "low", "high", "count", "n"]
    columns += ["units", "rate_in_labels", "rows", "status"]
    frame = pd.DataFrame(rows, columns=columns)
    return Table(
        title="Metrics by group (test)",
        frame=frame.astype({"count": "Int64"}),
        note=f"A rate's value = count / n; calibration = mean probability less the share of the "
        f"class, so that above 0 the group is overestimated; {INTERVALS_NOTE} of each group by "
        "itself; rate_in_labels = share of the class in the group's own labels. A group needs "
        f"{min_support} independent units (rows, or what they are grouped by) that count for the "
        "metric. A calibration error grows as rows get fewer, so it does not compare groups of "
        "different size.",
    )


def gap_pairs_table(gaps: Sequence[GapRates]) -> Table:
    """One row a column and rate: its two extreme groups, their difference and their ratio."""
    rows = []
    for gap in gaps:
        difference, ratio = gap.difference, gap.ratio
        if difference is None:
            continue
        high, low = gap.extremes
        names = (gap.column, gap.metric, gap.of_class, high.group, low.group)
        numbers = [v for e in (difference, ratio) for v in _ends(e)]
        rows.append((*names, *numbers, difference.n))
    columns = ["column", "rate", "class", "highest_group", "lowest_group"]
    columns += ["difference", "difference_low", "difference_high"]
    columns += ["ratio", "ratio_low", "ratio_high", "n"]
    return Table(
        title="Largest gap of each column and metric (test)",
        frame=pd.DataFrame(rows, columns=columns),
        note=f"difference = highest - lowest, ratio = lowest / highest; {_SIMULTANEOUS}; n = rows "
        "of the smaller of the two groups.",
    )


def gap_groups_table(gaps: Sequence[GapRates]) -> Table:
    """One row a group: how far it is from the largest group of its column."""
    rows = []
    for gap in gaps:
        reference = gap.reference
        for rate in gap.judgeable if reference is not None else ():
            if reference is None or rate.group == reference.group:
                continue
            difference, ratio = gap.against(rate.group, reference.group)
            names = (gap.column, gap.metric, gap.of_class, rate.group, reference.group)
            rows.append((*names, *_ends(difference), *_ends(ratio), difference.n))
    columns = ["column", "rate", "class", "group", "reference"]
    columns += ["difference", "difference_low", "difference_high"]
    columns += ["ratio", "ratio_low", "ratio_high", "n"]
    return Table(
        title="Each group against the largest one (test)",
        frame=pd.DataFrame(rows, columns=columns),
        note=f"difference = group - reference, ratio = group / reference; {_SIMULTANEOUS}.",
    )


def four_fifths_table(selection: Sequence[GapRates], target: str) -> Table:
    """One row a column and class: the smallest ratio of two groups' selection rates."""
    rows = []
    for gap in selection:
        ratio = gap.ratio
        if ratio is None or math.isnan(ratio.value):
            continue
        high, low = gap.extremes
        verdict = "no" if ratio.value < FOUR_FIFTHS else "yes"
        if ratio.low < FOUR_FIFTHS <= ratio.high:
            verdict += ", not certain"
        names = (gap.column, f"{target}={gap.of_class}", low.group, high.group)
        rows.append((*names, *_ends(ratio), ratio.n, verdict))
    columns = ["column", "selected_as", "lowest_group", "highest_group"]
    columns += ["ratio", "low", "high", "n", "at_least_four_fifths"]
    return Table(
        title="Four-fifths ratio of the selection rates (test)",
        frame=pd.DataFrame(rows, columns=columns),
        note=f"ratio = lowest / highest share predicted so; {_SIMULTANEOUS}. The four-fifths rule "
        "(29 CFR 1607.4 D) is about the favourable outcome: read its row, and leave the other. It "
        "is shown always, and judged where the project sets min_ratio.",
    )


def label_rates_table(labels: Sequence[LabelRates]) -> Table:
    """One row a group: the share of the class in the labels, of all rows and of the test rows."""
    rows = []
    for found in labels:
        for where, gap in (("all rows", found.everywhere), ("test rows", found.on_test)):
            for rate in gap.rates:
                names = (gap.column, gap.of_class, where, rate.group)
                rows.append((*names, rate.value, *rate.interval, rate.count, rate.n))
    columns = ["column", "class", "where", "group", "rate_in_labels", "low", "high", "count", "n"]
    return Table(
        title="The class in the labels of each group",
        frame=pd.DataFrame(rows, columns=columns).astype({"count": "Int64"}),
        note=f"rate_in_labels = count / n, of the curated data whatever any model says; "
        f"{INTERVALS_NOTE} of each group by itself.",
    )


def _ends(estimate: Estimate | None) -> tuple[float, float, float]:
    if estimate is None:
        return math.nan, math.nan, math.nan
    return estimate.value, estimate.low, estimate.high


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
                unit="share of rows" if gap.metric in RATES else "",
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
