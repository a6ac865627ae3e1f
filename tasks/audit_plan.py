"""The audit plan of a project with what became of it: who owns which risk, and is it under control?

Guarantees: every limit that the project declares is an entry, whether or not it was judged; an
entry and its checks belong together by `Check.entry`, not by their words; an entry without a check
that was evaluated was not assessed; a limit that names no owner, where the audit has none either,
is nobody's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from tasks.checks import Check
from tasks.project.audit_sections import (
    AuditSection,
    Floor,
    Gap,
    ImportantExamples,
    WeightedFloor,
)
from tasks.project.fields import Judge, Severity, SliceSpec
from tasks.project.robustness_section import RobustnessLimit

State = Literal["kept", "broken", "partly_assessed", "not_assessed"]

_BY: Mapping[Judge, str] = {
    "interval": "",
    "point": ", judged by the point",
    "lower_bound": ", judged by the worse end",
}

_Declared = Floor | Gap | ImportantExamples | WeightedFloor | RobustnessLimit


@dataclass(frozen=True, kw_only=True)
class PlanEntry:
    """One declared limit: on what, how much, how grave, and whose.

    `entry` is its place in the project file. `subject` and `limit` are words for a reader. `owner`
    is empty where nobody owns it. `required`: the project says that it blocks where it cannot be
    judged.
    """

    entry: str
    risk: str
    subject: str
    limit: str
    severity: Severity
    required: bool
    owner: str
    reason: str


@dataclass(frozen=True)
class PlanResult:
    """An entry with the checks that judged it."""

    entry: PlanEntry
    checks: tuple[Check, ...]

    @property
    def state(self) -> State:
        """Whether the limit holds, is broken, or was assessed in part or not at all."""
        found = {check.outcome for check in self.checks}
        if "failed" in found:
            return "broken"
        if "passed" not in found:
            return "not_assessed"
        return "kept" if found == {"passed"} else "partly_assessed"


def plan_entries(audit: AuditSection) -> tuple[PlanEntry, ...]:
    """The entries in the order of the sections, and in each in the order of the project file."""
    weighted = [audit.weighted_floor] if audit.weighted_floor is not None else []
    conditions = [(i, one) for i, one in enumerate(audit.important) if one.condition is not None]
    declared: list[tuple[str, _Declared, str, str]] = [
        *((f"audit.floors[{i}]", one, *_floor(one)) for i, one in enumerate(audit.floors)),
        *((f"audit.gaps[{i}]", one, *_gap(one)) for i, one in enumerate(audit.gaps)),
        *((f"audit.important[{i}]", one, *_important(one)) for i, one in conditions),
        *(("audit.weighted_floor", one, *_weighted(one)) for one in weighted),
        *(
            (audit.robustness.entry_of(one.kind), one, *_robustness(one))
            for one in audit.robustness.limits
        ),
    ]
    return tuple(
        PlanEntry(
            entry=entry,
            risk=one.risk,
            subject=subject,
            limit=limit,
            severity=one.severity,
            required=bool(one.required),
            owner=one.owner or audit.owner,
            reason=one.reason,
        )
        for entry, one, subject, limit in declared
    )


def plan_results(audit: AuditSection, checks: Iterable[Check]) -> tuple[PlanResult, ...]:
    """Every entry of the plan with its checks, in the order of `plan_entries`."""
    by_entry: dict[str, list[Check]] = {}
    for check in checks:
        by_entry.setdefault(check.entry, []).append(check)
    return tuple(
        PlanResult(entry, tuple(by_entry.get(entry.entry, ()))) for entry in plan_entries(audit)
    )


def count_states(results: Sequence[PlanResult]) -> str:
    """For example `5 hold, 1 is broken, 1 could not be assessed`."""
    counts = Counter(result.state for result in results)
    kept, broken = counts["kept"], counts["broken"]
    parts = [
        f"{kept} {'holds' if kept == 1 else 'hold'}" if kept else "",
        f"{broken} {'is' if broken == 1 else 'are'} broken" if broken else "",
        f"{counts['not_assessed']} could not be assessed" if counts["not_assessed"] else "",
        f"{counts['partly_assessed']} assessed only in part" if counts["partly_assessed"] else "",
    ]
    return ", ".join(part for part in parts if part)


def open_risks(results: Sequence[PlanResult]) -> str:
    """What a signature accepts beyond what was shown, as a clause; empty where there is nothing.

    For example `1 limit is broken, 2 risks could not be assessed, nobody owns 3 risks`.
    """
    counts = Counter(result.state for result in results)
    broken, unowned = counts["broken"], sum(not result.entry.owner for result in results)
    unknown, partly = counts["not_assessed"], counts["partly_assessed"]
    parts = [
        f"{broken} {'limit is' if broken == 1 else 'limits are'} broken" if broken else "",
        f"{_risks(unknown)} could not be assessed" if unknown else "",
        f"{_risks(partly)} could be assessed only in part" if partly else "",
        f"nobody owns {_risks(unowned)}" if unowned else "",
    ]
    return ", ".join(part for part in parts if part)


def tell_open_risks(results: Sequence[PlanResult]) -> str:
    """The open risks as a sentence, also where there is no plan and where nothing is open."""
    if not results:
        return "No audit plan is declared: nobody has named a risk of this model, or owns one."
    found = open_risks(results)
    return f"Open risks: {found}." if found else "Every limit of the audit plan holds."


def recorded_results(core: Mapping[str, Any]) -> tuple[PlanResult, ...]:
    """The plan and its results as the core of a verdict holds them.

    A measured check is left out: what it found is no part of the core. Raises ValueError where the
    core was written by another version of Assayline and its limits cannot be read.
    """
    names = {one.name for one in fields(Check)}
    checks = []
    for values in core["checks"]:
        if values.get("entry") and not values["measured"]:
            known = {name: value for name, value in values.items() if name in names}
            interval = known.get("interval")
            checks.append(Check(**{**known, "interval": tuple(interval) if interval else None}))
    return plan_results(AuditSection.model_validate(core["limits"]["audit"]), checks)


def _risks(count: int) -> str:
    return f"{count} {'risk' if count == 1 else 'risks'}"


def _floor(floor: Floor) -> tuple[str, str]:
    of_class = f" of class '{floor.of_class}'" if floor.of_class is not None else ""
    where = "" if floor.slice is None else f" {_where(floor.slice)}"
    side = "at least" if floor.maximum is None else "at most"
    subject = f"{floor.metric.replace('_', ' ')}{of_class}{where}"
    return subject, f"{side} {floor.limit:g}{_BY[floor.judge]}"


def _gap(gap: Gap) -> tuple[str, str]:
    of_class = f" of class '{gap.of_class}'" if gap.of_class is not None else ""
    subject = f"{gap.metric.replace('_', ' ')}{of_class} between the groups of {gap.groups_of}"
    limits = []
    if gap.max_difference is not None:
        limits.append(f"difference at most {gap.max_difference:g}")
    if gap.min_ratio is not None:
        limits.append(f"ratio at least {gap.min_ratio:g}")
    return subject, " and ".join(limits) + _BY[gap.judge]


def _important(one: ImportantExamples) -> tuple[str, str]:
    subject = f"errors on '{one.name}' ({one.condition})"
    if one.max_error_rate is None:
        return subject, f"no worse than the other rows{_BY[one.judge]}"
    return subject, f"at most {one.max_error_rate:g}{_BY[one.judge]}"


def _weighted(floor: WeightedFloor) -> tuple[str, str]:
    metric = (floor.metric or "the project's metric").replace("_", " ")
    return f"{metric}, rows counted by importance", f"at least {floor.minimum:g}{_BY[floor.judge]}"


def _robustness(limit: RobustnessLimit) -> tuple[str, str]:
    return (
        f"predictions that flip by {limit.kind}",
        f"at most {limit.max_flip_share:g}{_BY[limit.judge]}",
    )


def _where(spec: SliceSpec) -> str:
    if spec.condition is not None:
        return f"where {spec.name or spec.condition}"
    return f"in each group of {' & '.join(spec.columns)}"
