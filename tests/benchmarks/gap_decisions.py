"""How often limits of the audit are judged wrongly, by the interval and by the point.

Run as `python tests/benchmarks/gap_decisions.py [draws]` (default: 1,000 a row; about three minutes
of one core); prints Markdown tables. Truths are planted: groups that are equal, or differ by more
than the limit; a class whose recall is below or above its floor; a set that is as good as the
others, or twice as bad; people with several rows each. What is counted are the outcomes of the
product's own rule (`tasks.performance_audit.limits`) on its own estimates, with 95 %
Clopper-Pearson intervals of the simulation; floors are exact, by all counts of the binomial.

Exits 1 when a rate that the interval promises to keep at 2.5 % a side is surely above 5 %: when its
lower bound is.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
from scipy.stats import beta, binom

from tasks.intervals import Estimate, wilson
from tasks.metrics.group_metrics import group_values
from tasks.metrics.group_numbers import NumberRows, number_values
from tasks.metrics.group_sums import GroupedRows
from tasks.metrics.simultaneous import compare
from tasks.performance_audit.gap_words import limits_of
from tasks.performance_audit.gaps import measure_gap, measure_number_gap
from tasks.performance_audit.important import _by_rest, _ErrorRates, _Set
from tasks.performance_audit.limits import Limit
from tasks.project.audit_sections import AuditSection, Gap

DRAWS = 1000
ALLOWED = 0.05
REPLICATES = 2000
JUDGES = ("interval", "point")
broken: list[str] = []


def share(count: int, draws: int, promised: str = "") -> str:
    """A rate with its interval; remembered as broken where it surely exceeds what is promised."""
    low = beta.ppf(0.025, count, draws - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, draws - count) if count < draws else 1.0
    if promised and low > ALLOWED:
        broken.append(f"{promised}: {count} of {draws}")
    return f"{count / draws:.1%} ({low:.1%} to {high:.1%})"


def outcomes(gap: Gap, kind: str, estimate: Estimate) -> dict[str, str]:
    """What both ways of judging make of an estimate."""
    found = {}
    for judge in JUDGES:
        limit = dict(limits_of(gap.model_copy(update={"judge": judge})))[kind]
        found[judge] = limit.outcome(estimate)
    return found


def selected_rows(rates, rows: int, rng) -> GroupedRows:
    """Groups of `rows` rows each, selected with the rates."""
    names = np.repeat(np.arange(len(rates)), rows)
    selected = rng.random(len(names)) < np.repeat(rates, rows)
    return GroupedRows(
        groups={f"g{at}": names == at for at in range(len(rates))},
        member=np.zeros(len(names), dtype=bool),
        selected=selected,
        told=None,
        units=None,
        replicates=REPLICATES,
        seed=int(rng.integers(2**31)),
    )


def gap_outcomes(rates, rows: int, gap: Gap, draws: int) -> dict[str, dict[str, Counter]]:
    """By limit (difference, ratio) and way of judging: how often each outcome."""
    rng = np.random.default_rng([7, len(rates), rows, int(1000 * rates[-1])])
    found = {kind: {judge: Counter() for judge in JUDGES} for kind in ("difference", "ratio")}
    for _ in range(draws):
        measured = measure_gap("g", "selection_rate", "y", selected_rows(rates, rows, rng), 30)
        for kind, estimate in (("difference", measured.difference), ("ratio", measured.ratio)):
            for judge, outcome in outcomes(gap, kind, estimate).items():
                found[kind][judge][outcome] += 1
    return found


def equal_groups(draws: int) -> None:
    """Groups that are equal in truth: a failure is wrong."""
    print("\n## Equal groups: failed although nothing differs\n")
    print(
        "| rate, groups x rows | limit | point: failed | interval: failed | passed | not judged |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    gap = Gap(column="g", metric="selection_rate", max_difference=0.1, min_ratio=0.8)
    settings = ((0.3, 2, 60), (0.3, 6, 60), (0.3, 6, 300), (0.1, 2, 300), (0.3, 6, 3000))
    for rate, groups, rows in settings:
        found = gap_outcomes([rate] * groups, rows, gap, draws)
        for kind, words in (("difference", "at most 10 points"), ("ratio", "at least 0.8")):
            point, interval = found[kind]["point"], found[kind]["interval"]
            name = f"{rate}, {groups} x {rows}"
            print(
                f"| {name} | {words} | {share(point['failed'], draws)} "
                f"| {share(interval['failed'], draws, f'equal groups {name}, {words}')} "
                f"| {share(interval['passed'], draws)} "
                f"| {share(interval['not_applicable'], draws)} |",
                flush=True,
            )


def unequal_groups(draws: int) -> None:
    """Two groups that differ by 13 points where 10 are allowed: a pass is wrong."""
    print("\n## Two groups, true gap 13 points, limit 10: passed although it is broken\n")
    print("| rows a group | point: passed | interval: passed | failed | not judged |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    gap = Gap(column="g", metric="selection_rate", max_difference=0.1, min_ratio=0.5)
    for rows in (30, 60, 100, 300, 3000):
        found = gap_outcomes([0.3, 0.43], rows, gap, draws)["difference"]
        point, interval = found["point"], found["interval"]
        print(
            f"| {rows:,} | {share(point['passed'], draws)} "
            f"| {share(interval['passed'], draws, f'true gap, {rows} rows')} "
            f"| {share(interval['failed'], draws)} "
            f"| {share(interval['not_applicable'], draws)} |",
            flush=True,
        )


def floors() -> None:
    """A floor of 0.80 with a recall that is truly below or above it, exactly."""
    print("\n## A floor of 0.80: exact probabilities\n")
    print("| true recall | rows | judge | passed | failed | not judged |")
    print("| ---: | ---: | --- | ---: | ---: | ---: |")
    for truth in (0.75, 0.82):
        for rows in (30, 60, 100, 1000):
            for judge in ("interval", "point", "lower_bound"):
                limit = Limit(name="floor", written=str, minimum=0.8, judge=judge)
                chances: Counter = Counter()
                for right in range(rows + 1):
                    low, high = wilson(right, rows)
                    estimate = Estimate(value=right / rows, low=low, high=high, n=rows)
                    chances[limit.outcome(estimate)] += binom.pmf(right, rows, truth)
                wrong = chances["passed" if truth < 0.8 else "failed"]
                if judge == "interval" and wrong > ALLOWED:
                    broken.append(f"floor, true {truth}, {rows} rows: {wrong:.1%}")
                cells = (chances[name] for name in ("passed", "failed", "not_applicable"))
                told = " | ".join(f"{cell:.1%}" for cell in cells)
                print(f"| {truth} | {rows:,} | {judge} | {told} |")


def rate_of(wrong: int, rows: int) -> Estimate:
    """An error rate with Wilson's interval, which is what the audit measures of lone rows."""
    low, high = wilson(wrong, rows)
    return Estimate(value=wrong / rows, low=low, high=high, n=rows, method="wilson")


def of_set(wrong: int, rows: int, others_wrong: int, others: int, judge: str) -> str:
    """The outcome of an important set with so many wrong rows."""
    one = {"name": "n", "condition": "kind == 'nav'", "weight": 2, "judge": judge}
    audit = AuditSection.model_validate({"important": [one]})
    members = _Set(audit.important[0], "audit.important[0]", np.ones(rows, dtype=bool))
    rates = _ErrorRates(rate_of(wrong, rows), rate_of(others_wrong, others), rows)
    return _by_rest(members, rates, audit)[0]


def important_sets(draws: int) -> None:
    """Important rows without a limit of their own, of 1,000 others that are wrong in 10 %."""
    print("\n## An important set without a limit, beside 1,000 others that are wrong in 10 %\n")
    print("| its error rate | rows | point: passed | interval: passed | failed | not judged |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for truth in (0.2, 0.1):
        for rows in (30, 60, 100, 600):
            rng = np.random.default_rng([11, rows, int(100 * truth)])
            wrong, of_others = rng.binomial(rows, truth, draws), rng.binomial(1000, 0.1, draws)
            found = {judge: Counter() for judge in JUDGES}
            for own, rest in zip(wrong.tolist(), of_others.tolist(), strict=True):
                for judge in JUDGES:
                    found[judge][of_set(own, rows, rest, 1000, judge)] += 1
            point, interval = found["point"], found["interval"]
            name = f"important set, true error {truth}, {rows} rows"
            passed = share(interval["passed"], draws, name if truth > 0.15 else "")
            failed = share(interval["failed"], draws, name if truth < 0.15 else "")
            print(
                f"| {truth:.0%} | {rows} | {share(point['passed'], draws)} | {passed} | {failed} "
                f"| {share(interval['not_applicable'], draws)} |",
                flush=True,
            )


def errors_of_numbers(draws: int) -> None:
    """Equal groups of 60 rows by their errors: an interval that lies above 0 is wrong."""
    print("\n## Errors of a number, equal groups of 60 rows: interval of the gap above 0\n")
    print("| metric, errors | groups | the extreme pair by itself | simultaneous |")
    print("| --- | ---: | ---: | ---: |")
    for metric, kind in (("mean_error", "normal"), ("mae", "normal"), ("mae", "skewed")):
        for groups in (2, 3, 6, 20) if metric == "mean_error" else (2, 6):
            rng = np.random.default_rng([13, groups])
            alone = together = 0
            for seed in range(draws):
                size = 60 * groups
                errors = rng.normal(size=size) if kind == "normal" else rng.exponential(size=size)
                names = np.repeat(np.arange(groups), 60)
                masks = {f"g{at}": names == at for at in range(groups)}
                rows = NumberRows(masks, errors, None, REPLICATES, seed)
                gap = measure_number_gap("g", metric, rows, 30)
                found = gap.difference
                pair = gap.extremes
                spread = np.hypot(pair[0].value - pair[0].low, pair[1].high - pair[1].value)
                alone += found.value > spread
                together += found.low > 0
            name = f"{metric}, {kind}, {groups} groups"
            print(
                f"| {metric}, {kind} | {groups} | {share(alone, draws)} "
                f"| {share(together, draws, name)} |",
                flush=True,
            )


def people(draws: int) -> None:
    """Rows of people who differ (intraclass correlation 0.2), rate 0.3: how often the truth is in.

    A mean absolute error of people stands for what is no rate.
    """
    print("\n## Rows of people, correlated by 0.2: the interval misses the truth\n")
    print("| people x rows each, groups | own interval | largest gap of all pairs above 0 |")
    print("| --- | ---: | ---: |")
    for count, each, groups in ((4, 10, 1), (10, 10, 2), (30, 4, 2), (30, 4, 6)):
        rng = np.random.default_rng([17, count, groups])
        own = gaps = 0
        for seed in range(draws):
            of_person = rng.beta(0.3 * 4, 0.7 * 4, groups * count)  # 1 / (1 + 4) is 0.2
            selected = rng.random(groups * count * each) < np.repeat(of_person, each)
            names = np.repeat(np.arange(groups), count * each)
            rows = GroupedRows(
                groups={f"g{at}": names == at for at in range(groups)},
                member=np.zeros(len(selected), dtype=bool),
                selected=selected,
                told=None,
                units=np.repeat(np.arange(groups * count), each),
                replicates=REPLICATES,
                seed=seed,
            )
            values = group_values("selection_rate", rows)
            own += not values.low[0] <= 0.3 <= values.high[0]
            found = compare(values, range(groups))
            gaps += found is not None and found.largest_difference.low > 0
        name = f"{count} x {each}, {groups}"
        told = share(gaps, draws, f"people {name}") if groups > 1 else "never judged"
        # Two-sided: 5 % are promised, which the lower bound may not surely exceed.
        print(f"| {name} | {share(own, draws, f'own, people {name}')} | {told} |", flush=True)


def errors_of_people(draws: int) -> None:
    """The same of a number's error: 30 people of 4 rows, correlated by 0.5."""
    rng = np.random.default_rng(19)
    own = gaps = 0
    for seed in range(draws):
        errors = np.repeat(rng.normal(size=60), 4) + rng.normal(size=240)
        names = np.repeat(np.arange(2), 120)
        masks = {f"g{at}": names == at for at in range(2)}
        rows = NumberRows(masks, errors, np.repeat(np.arange(60), 4), REPLICATES, seed)
        values = number_values("mean_error", rows)
        own += not values.low[0] <= 0 <= values.high[0]
        gaps += compare(values, range(2)).largest_difference.low > 0
    print(
        f"| mean error, 30 x 4, 2 | {share(own, draws, 'own, mean error')} "
        f"| {share(gaps, draws, 'mean error of people')} |"
    )


def main() -> None:
    """Print all tables."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    equal_groups(draws)
    unequal_groups(draws)
    floors()
    important_sets(draws)
    errors_of_numbers(draws)
    people(draws)
    errors_of_people(draws)
    for one in broken:
        print(f"above 5 %: {one}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
