"""The offer as a check, a sentence on how to adopt it, and two tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from tasks.checks import Check, Finding, Outcome, Table
from tasks.intervals import Difference, Estimate
from tasks.metrics import HIGHER_IS_BETTER, paired_difference
from tasks.performance_audit.options import LimitValue, Option
from tasks.performance_audit.wording import STAGE
from tasks.project.sections import Project
from tasks.slice_metrics import ScoredRows

_Cost = tuple[str, Estimate, Estimate, Difference]


def offer_finding(
    before: Option,
    options: Sequence[Option],
    columns: tuple[str, ...],
    scored: ScoredRows,
    decides: str,
    project: Project,
) -> Finding:
    """The best of `options` beside the candidate `before`.

    No offer where dev gives no reason for one: the candidate meets every limit there already, or
    no option misses fewer limits and floors than it does.
    """
    tried = {"mitigation_options": _options_table([before, *options], decides)}
    if before.misses == (0, 0):
        detail = (
            f"No mitigated candidate is offered: on the {len(scored):,} dev rows the candidate "
            "meets every declared limit, so that dev cannot tell which fit would do better on test."
        )
        return Finding(checks=(_check(detail, "not_applicable", len(scored), columns),))
    best = min(options, key=lambda one: _order(one, decides), default=None)
    if best is None or best.misses >= before.misses:
        detail = (
            f"No mitigated candidate is offered: none of {len(options)} that were tried misses "
            "fewer of the declared gaps and critical floors on dev than the candidate, which "
            f"meets {_met(before)} of the gaps."
        )
        check = _check(detail, "not_applicable", len(scored), columns)
        return Finding(checks=(check,), tables=tried)
    metric = project.training.metric or (
        "average_precision" if scored.positive_class is not None else "macro_f1"
    )
    costs = [_cost(name, before, best, scored) for name in dict.fromkeys((metric, decides))]
    sentence = _sentence(before, best, costs, columns, scored)
    return Finding(
        checks=(_check(sentence, "passed", len(scored), columns),),
        facts={
            "mitigation_offer": {
                "sentence": _in_short(before, best, costs, columns),
                "adopt": _setting(best, columns),
            }
        },
        tables={
            "mitigation_offer": _cost_table(costs),
            "mitigation_limits": _limits_table(before, best),
            **tried,
        },
    )


def _order(option: Option, decides: str) -> tuple[int, int, float]:
    value = -option.value if HIGHER_IS_BETTER[decides] else option.value
    return (*option.misses, math.inf if math.isnan(value) else value)


def _cost(name: str, before: Option, after: Option, scored: ScoredRows) -> _Cost:
    def estimate(option: Option) -> Estimate:
        rows = ScoredRows(
            labels=scored.labels,
            predictions=option.predictions,
            positive_class=scored.positive_class,
            replicates=scored.replicates,
            seed=scored.seed,
            groups=scored.groups,
        )
        return rows.estimate([name])[name]

    difference = paired_difference(
        name,
        scored.labels,
        after.predictions,
        before.predictions,
        positive_class=scored.positive_class,
        replicates=scored.replicates,
        seed=scored.seed,
        groups=scored.groups,
    )
    return name, estimate(before), estimate(after), difference


def _sentence(
    before: Option,
    after: Option,
    costs: Sequence[_Cost],
    columns: tuple[str, ...],
    scored: ScoredRows,
) -> str:
    fitted = "the same model"
    if after.strength != before.strength:
        fitted = (
            f"the same family fitted with train rows weighed by {' and '.join(columns)} (strength "
            f"{after.strength:g})"
        )
    if after.max_selection_rate is not None:
        fitted += (
            f", with one threshold for all groups at which at most {after.max_selection_rate:.1%} "
            f"of the rows are predicted '{scored.positive_class}'"
        )
    changes = "; ".join(
        f"{new.name} {_number(old.estimate)} to {_interval(new.estimate)}"
        for old, new in zip(before.gaps, after.gaps, strict=True)
        if not old.met
    )
    price = " and ".join(
        f"{name.replace('_', ' ')} {d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f}; from "
        f"{old.value:.3f} to {new.value:.3f})"
        for name, old, new, d in costs
    )
    return (
        f"A mitigated candidate is offered: {fitted}, would meet {_met(after)} of the declared "
        f"gaps by their values on the {len(scored):,} dev rows, where the candidate meets "
        f"{_met(before)}: "
        f"{changes}.{_floors(after)} What it does to the metric: {price}. To put it to the test, "
        f"run with --set '{_setting(after, columns)}': this model is then the candidate, and test "
        "judges one model more."
    )


def _in_short(
    before: Option, after: Option, costs: Sequence[_Cost], columns: tuple[str, ...]
) -> str:
    """The offer as advice: what it gains, what it costs, how to try it."""
    name, _, _, change = costs[0]
    return (
        f"A mitigated candidate would meet {_met(after)} of the declared gaps on dev, where the "
        f"candidate meets {_met(before)}, and change {name.replace('_', ' ')} by "
        f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f}): try it with "
        f"--set '{_setting(after, columns)}'."
    )


def _floors(option: Option) -> str:
    """The critical floors that the option misses on dev, or comes near to."""
    near = [
        f"{floor.name.replace('_', ' ')} {_interval(floor.estimate)} for a floor of {floor.limit:g}"
        for floor in option.floors
        if floor.estimate is not None and not floor.estimate.low >= floor.limit
    ]
    return f" Not sure to hold on test: {'; '.join(near)}." if near else ""


def _setting(option: Option, columns: tuple[str, ...]) -> str:
    parts = [f"columns: [{', '.join(columns)}]", f"strength: {option.strength:g}"]
    if option.max_selection_rate is not None:
        parts.append(f"max_selection_rate: {option.max_selection_rate:g}")
    return f"training.mitigate={{{', '.join(parts)}}}"


def _check(detail: str, outcome: Outcome, n: int, columns: tuple[str, ...]) -> Check:
    return Check(
        id=f"{STAGE}.mitigated",
        stage=STAGE,
        title=f"A mitigated candidate for the gaps between the groups of {' and '.join(columns)}",
        severity="info",
        outcome=outcome,
        n=n,
        detail=detail,
        evidence="mitigation_offer" if outcome == "passed" else None,
    )


def _cost_table(costs: Sequence[_Cost]) -> Table:
    rows = []
    for name, old, new, change in costs:
        row: dict[str, object] = {"measure": name.replace("_", " ")}
        for prefix, found in (("candidate", old), ("mitigated", new), ("change", change)):
            row |= _numbers(prefix, found)
        rows.append({**row, "n": new.n})
    return Table(
        title="Mitigated candidate: what it costs in the metric (dev)",
        frame=pd.DataFrame(rows),
        note="change: how much better it is on the same rows; low and high are 95 % intervals. Not "
        "measured on test, which judges a model once, when it is the candidate.",
    )


def _limits_table(before: Option, after: Option) -> Table:
    rows = []
    earlier = {value.name: value for value in before.floors}
    floors = [(earlier[value.name], value) for value in after.floors if value.name in earlier]
    for old, new in (*zip(before.gaps, after.gaps, strict=True), *floors):
        row: dict[str, object] = {"measure": new.name, "limit": new.limit}
        row |= _numbers("candidate", old.estimate) | {"candidate_meets": _yes(old)}
        row |= _numbers("mitigated", new.estimate) | {"mitigated_meets": _yes(new)}
        rows.append({**row, "n": None if new.estimate is None else new.estimate.n})
    return Table(
        title="Mitigated candidate: declared gaps and critical floors (dev)",
        frame=pd.DataFrame(rows),
        note="A limit is met by the value on dev; not certain: the 95 % interval (low to high) "
        "includes the limit. On test the interval decides.",
    )


def _numbers(prefix: str, found: Estimate | Difference | None) -> dict[str, object]:
    if found is None:
        return dict.fromkeys((prefix, f"{prefix}_low", f"{prefix}_high"))
    return {prefix: found.value, f"{prefix}_low": found.low, f"{prefix}_high": found.high}


def _yes(found: LimitValue) -> str:
    return ("yes" if found.met else "no") + ("" if found.sure else ", not certain")


def _options_table(options: Sequence[Option], decides: str) -> Table:
    rows = []
    for option in options:
        row: dict[str, object] = {
            "strength": option.strength,
            "max_selection_rate": option.max_selection_rate,
            decides: option.value,
            "limits_met": sum(gap.met for gap in option.gaps),
            "floors_missed": sum(not floor.met for floor in option.floors),
        }
        for gap in option.gaps:
            row[gap.name] = None if gap.estimate is None else gap.estimate.value
        rows.append(row)
    return Table(
        title="Mitigated candidates that were tried (dev)",
        frame=pd.DataFrame(rows),
        note="The first row is the candidate. strength: that of the weights of groups, 0 for none; "
        "max_selection_rate: the threshold was raised until at most this share is predicted as the "
        "positive class, empty where it is the one that training chose.",
    )


def _met(option: Option) -> str:
    return f"{sum(gap.met for gap in option.gaps)} of {len(option.gaps)} limits"


def _number(estimate: Estimate | None) -> str:
    return "unknown" if estimate is None else f"{estimate.value:.3f}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
