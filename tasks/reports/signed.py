"""What is signed: the audit plan with its results, by owner, and what nobody could assess.

Guarantees: every declared limit is listed under who owns it, whatever became of it; a limit that
nobody owns stands first; a project without a plan is told so; what is listed are the checks of the
run and nothing else, so that the page's hash, which a signature refers to, covers all of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tasks.audit_plan import PlanEntry, PlanResult, State, count_states, plan_results
from tasks.checks import Check
from tasks.reports.words import Mark, check_mark, count_outcomes, needs_attention
from tasks.runs import RunRecord
from tasks.stage_specs import STAGES
from tasks.wording.numbers import Written, check_numbers

NO_PLAN = (
    "This project declares no audit plan: nobody has said what can go wrong, how far it may, and "
    "who answers for it. `assayline init DATA` proposes one from the columns of the data."
)
NOBODY = "Nobody owns these risks"
UNDECLARED = "Judged in every project, without an entry in the plan"

_MOST_LINES = 12
_MOST_PASSED = 3
_STATE_WORDS: Mapping[State, str] = {
    "kept": "holds",
    "broken": "broken",
    "partly_assessed": "assessed only in part",
    "not_assessed": "could not be assessed",
}
_NOT_RUN = Mark("○", "not judged", "caution")


@dataclass(frozen=True)
class SignedLine:
    """One result: its mark and numbers, what it is about, and where its check stands.

    `risk` and `about` are those of the plan's entry, on the first line of the entry alone.
    """

    mark: Mark
    risk: str
    about: str
    title: str
    detail: str
    severity: str
    written: Written
    anchor: str


@dataclass(frozen=True)
class SignedGroup:
    """The lines of one owner under a heading; `counts` says how they stand."""

    heading: str
    counts: str
    lines: tuple[SignedLine, ...]
    alarm: bool = False


@dataclass(frozen=True)
class Signed:
    """The whole section: sentences first, then the groups."""

    lead: str
    notes: tuple[str, ...]
    groups: tuple[SignedGroup, ...]


def tell_signed(run: RunRecord, anchor_of: Callable[[Check], str]) -> Signed | None:
    """What a signature on the run refers to; None where the candidate was not audited.

    `anchor_of` gives the place of a check on the page.
    """
    stages = {stage.name: stage for stage in run.stages if stage.result is not None}
    if "performance_audit" not in stages:
        return None
    signed = [stage.name for stage in STAGES if stage.signed and stage.name in stages]
    checks = [check for name in signed for check in stages[name].checks]
    results = plan_results(run.project.audit, checks)
    lead = NO_PLAN
    if results:
        limits = f"{len(results)} {'limit' if len(results) == 1 else 'limits'}"
        lead = f"The audit plan has {limits}: {count_states(results)}."
    summaries = (stages[name].result for name in signed)
    told = [f"{one.summary[:1].upper()}{one.summary[1:]}" for one in summaries if one]
    groups = [_group(owner, own, anchor_of) for owner, own in by_owner(results)]
    groups.append(_undeclared([check for check in checks if not check.entry], anchor_of))
    return Signed(
        lead,
        (*(f"{sentence.rstrip('.')}." for sentence in told if sentence), _who_signs(run)),
        tuple(group for group in groups if group.lines or group.counts),
    )


def by_owner(results: Iterable[PlanResult]) -> list[tuple[str, list[PlanResult]]]:
    """Results by owner: nobody first, then in order of name."""
    ordered = sorted(results, key=lambda result: result.entry.owner)
    groups = itertools.groupby(ordered, key=lambda result: result.entry.owner)
    return [(owner, list(own)) for owner, own in groups]


def signed_points(results: Sequence[PlanResult]) -> list[str]:
    """The plan in short, a sentence an entry that does not hold, for a form or a terminal."""
    points = []
    for owner, own in by_owner(results):
        who = owner or "nobody"
        points += [f"{_short(result)} (owner: {who})" for result in own if result.state != "kept"]
        kept = sum(result.state == "kept" for result in own)
        if kept:
            points.append(f"{kept} {'limit' if kept == 1 else 'limits'} kept (owner: {who})")
    return points


def _short(result: PlanResult) -> str:
    entry = result.entry
    told = f"{entry.risk.rstrip('.')}: " if entry.risk else ""
    said = f"{told}{entry.subject}, {entry.limit}, {_STATE_WORDS[result.state]}"
    shown = next((check for check in result.checks if check.outcome == "failed"), None)
    if shown is not None and shown.value is not None:
        written = check_numbers(shown)
        said += f": {' '.join(part for part in (written.value, written.interval) if part)}"
    return said


def _who_signs(run: RunRecord) -> str:
    approval = run.project.approval
    if approval.mode == "auto":
        return "approval.mode is auto: the gate decides, and nobody signs."
    who = f"The signature is asked of {approval.owner}. " if approval.owner else ""
    return (
        f"{who}Who signs accepts what stands here, open risks included; the signature names the "
        "hash of the verdict, under Provenance, and is void for any other page."
    )


def _group(
    owner: str, results: Sequence[PlanResult], anchor_of: Callable[[Check], str]
) -> SignedGroup:
    lines = [line for result in results for line in _lines(result, anchor_of)]
    return SignedGroup(
        f"Owned by {owner}" if owner else NOBODY,
        count_states(results),
        tuple(lines),
        alarm=not owner,
    )


def _lines(result: PlanResult, anchor_of: Callable[[Check], str]) -> list[SignedLine]:
    """The entry's results: what does not hold in full, of many that hold the nearest to fail."""
    entry = result.entry
    open_checks = [check for check in result.checks if check.outcome != "passed"]
    passed = sorted((c for c in result.checks if c.outcome == "passed"), key=_room)
    shown = passed if len(passed) <= _MOST_PASSED else passed[:1]
    lines: list[SignedLine] = []
    for check in [*open_checks[:_MOST_LINES], *shown]:
        detail = check.detail if check.outcome != "passed" else ""
        if check.outcome == "passed" and len(shown) < len(passed):
            many = f"{len(passed)} others hold" if open_checks else f"All {len(passed)} hold"
            detail = f"{many}; this is the nearest to fail."
        lines.append(
            SignedLine(
                mark=check_mark(check),
                risk="" if lines else _capital(entry.risk or entry.subject),
                about="" if lines else _about(entry, with_reason=check.outcome == "passed"),
                title=check.title if len(result.checks) > 1 else "",
                detail=detail,
                severity=_severity(entry.severity, required=entry.required),
                written=check_numbers(check),
                anchor=anchor_of(check),
            )
        )
    if not lines:
        nothing = Written("", "", "", "")
        severity = _severity(entry.severity, required=entry.required)
        told = "No check judged it in this run."
        first, about = _capital(entry.risk or entry.subject), _about(entry, with_reason=True)
        lines.append(SignedLine(_NOT_RUN, first, about, "", told, severity, nothing, ""))
    if len(open_checks) > _MOST_LINES:
        last = lines[_MOST_LINES - 1]
        more = f"{last.detail} {len(open_checks) - _MOST_LINES} more are with the audit below."
        lines[_MOST_LINES - 1] = replace(last, detail=more.strip())
    return lines


def _about(entry: PlanEntry, *, with_reason: bool) -> str:
    """What the limit is on, and why it is set; the detail of a check that did not pass says why."""
    limit = f"{_capital(entry.subject)}: {entry.limit}." if entry.risk else f"{entry.limit}."
    reason = f" {_capital(entry.reason.rstrip('.'))}." if entry.reason and with_reason else ""
    return _capital(f"{limit}{reason}")


def _room(check: Check) -> float:
    """How far a passed check is from its limit; those without numbers come last."""
    if isinstance(check.value, int | float) and isinstance(check.limit, int | float):
        return abs(float(check.value) - float(check.limit))
    return float("inf")


def _undeclared(checks: Sequence[Check], anchor_of: Callable[[Check], str]) -> SignedGroup:
    """What is judged whether or not anybody declared it: what did not pass, and how many did."""
    told = [check for check in checks if check.severity != "info"]
    shown = [c for c in told if needs_attention(c) or c.outcome == "not_applicable"]
    lines = tuple(
        SignedLine(
            mark=check_mark(check),
            risk=check.title,
            about="",
            title="",
            detail=check.detail,
            severity=_severity(check.severity, required=check.required),
            written=check_numbers(check),
            anchor=anchor_of(check),
        )
        for check in shown[:_MOST_LINES]
    )
    return SignedGroup(UNDECLARED, count_outcomes(told) if told else "", lines)


def _severity(severity: str, *, required: bool) -> str:
    return f"{severity}, required" if required else severity


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
