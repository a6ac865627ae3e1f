"""The ladder of baselines, as checks and sentences.

Guarantees: each check says in one sentence what was measured on which rows; an unknown is said,
never passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tasks.baselines.rungs import Rung
from tasks.checks import Check, Outcome, Severity
from tasks.metrics import Estimate
from tasks.project.model_sections import DeclaredBaseline
from tasks.training.judgement import described, words

STAGE = "baselines"
TRIVIAL_ACCURACY = 0.8
"""Where answering the same thing always is right more often than this, accuracy says little."""


def constant(shares: Mapping[str, float], metric: str, found: Mapping[str, Estimate]) -> Check:
    """What the most frequent class alone is worth, and whether the metric tells it from skill."""
    majority = max(sorted(shares), key=lambda name: shares[name])
    accuracy = found["accuracy"].value
    if metric == "accuracy" and accuracy > TRIVIAL_ACCURACY:
        return _measured(
            "constant",
            "accuracy of the constant class",
            found["accuracy"],
            f'print("{majority}") is right on {accuracy:.1%} of {found["accuracy"].n:,} dev rows, '
            "so accuracy hardly tells a model from it; set training.metric to average_precision, "
            "f1 or macro_f1.",
            severity="warning",
            outcome="failed",
            limit=TRIVIAL_ACCURACY,
        )
    aside = f" and is right on {accuracy:.1%} of the rows" if metric != "accuracy" else ""
    return _measured(
        "constant",
        f"{words(metric)} of the constant class",
        found[metric],
        f"Always answering '{majority}' has {words(metric)} {described(found[metric])} on "
        f"dev{aside}.",
    )


def constant_number(number: float, metric: str, found: Estimate) -> Check:
    """What the one best number for every row is worth."""
    return _measured(
        "constant",
        f"{words(metric)} of the constant",
        found,
        f"Always estimating {number:g} has {words(metric)} {described(found)} on dev.",
    )


def quick(depth: int, metric: str, found: Estimate) -> Check:
    """What a very small tree is worth."""
    questions = "one question" if depth == 1 else f"{depth} questions in a row"
    return _measured(
        "quick",
        f"{words(metric)} of the quick model",
        found,
        f"A tree of {questions} has {words(metric)} {described(found)} on dev.",
    )


def quick_failed(reason: str) -> Check:
    """The quick model could not be fitted."""
    detail = f"The quick model could not be fitted: {reason}."
    return _unmeasured("quick", "the quick model", detail, severity="critical", outcome="error")


def no_champion() -> Check:
    """There is no model in service."""
    detail = "There is no champion yet; this would be the first model in service."
    return _unmeasured("champion", "the present champion", detail)


def champion_not_measured(version: str, reason: str) -> Check:
    """The champion cannot score today's rows."""
    detail = f"Champion {version} cannot be measured on these rows: {reason}."
    return _unmeasured("champion", "the present champion", detail)


def champion(version: str, metric: str, found: Estimate, new_rows: int, n: int) -> Check:
    """What the model in service is worth on the same rows; `new_rows` are new to it, of `n`."""
    seen = n - new_rows
    flattered = (
        f"; {seen:,} of the {n:,} rows are of units that it was fitted or tuned on, which flatters "
        "it"
        if seen
        else ", none of which it was fitted or tuned on"
    )
    return _measured(
        "champion",
        f"{words(metric)} of the present champion",
        found,
        f"Champion {version} has {words(metric)} {described(found)} on dev{flattered}.",
    )


def human_level(hlp: DeclaredBaseline | None, people: Sequence[Rung]) -> Check:
    """Human-level performance as declared, else as measured, or that nobody knows it."""
    measured = next((one for one in people if one.metric == "accuracy"), None)
    title = "human-level performance"
    if hlp is not None:
        found = _declared("hlp", title, hlp)
        beside = "" if measured is None else f" Beside it: {_people_sentence(measured)}"
        return replace(found, detail=found.detail + beside)
    if measured is not None:
        return Check(
            id=f"{STAGE}.hlp",
            stage=STAGE,
            title=title,
            severity="info",
            outcome="passed",
            detail=_people_sentence(measured),
            value=measured.value,
            interval=measured.interval,
            n=measured.n,
            evidence="all_baselines",
        )
    detail = (
        "Human-level performance is unknown: nobody declared it (baselines.hlp), and no item is "
        "labelled by two people, so how much better a model could be is not known either."
    )
    return _unmeasured("hlp", title, detail)


def declared(baselines: Iterable[DeclaredBaseline]) -> list[Check]:
    """Each number that the project declares."""
    return [_declared(f"declared:{one.name}", f"declared: {one.name}", one) for one in baselines]


def summary(metric: str, rungs: Sequence[Rung]) -> str:
    """The stage in one line: the rungs of the project's metric."""
    shown = [
        f"{rung.name} {rung.value:.3f}"
        for rung in rungs
        if rung.metric == metric and not math.isnan(rung.value)
    ]
    return f"{words(metric)} on dev: " + (", ".join(shown) or "nothing could be measured")


def _people_sentence(measured: Rung) -> str:
    low, high = measured.interval or (math.nan, math.nan)
    return (
        f"One person has the label that the others agree on in {measured.value:.1%} of "
        f"{measured.n:,} items that several people labelled (95 % interval {low:.1%} to "
        f"{high:.1%})."
    )


def _declared(what: str, title: str, baseline: DeclaredBaseline) -> Check:
    source = f" (source: {baseline.source})" if baseline.source else ""
    return Check(
        id=f"{STAGE}.{what}",
        stage=STAGE,
        title=title,
        severity="info",
        outcome="passed",
        detail=f"{baseline.name} has {words(baseline.metric)} {baseline.value:g} by "
        f"declaration{source}; it was not measured on these rows.",
        value=baseline.value,
        evidence="all_baselines",
    )


def _measured(
    what: str,
    title: str,
    found: Estimate,
    detail: str,
    *,
    severity: Severity = "info",
    outcome: Outcome = "passed",
    limit: float | None = None,
) -> Check:
    undefined = math.isnan(found.value)
    return Check(
        id=f"{STAGE}.{what}",
        stage=STAGE,
        title=title,
        severity=severity,
        outcome="not_applicable" if undefined else outcome,
        detail=detail,
        value=None if undefined else found.value,
        limit=limit,
        interval=None if math.isnan(found.low) else (found.low, found.high),
        n=found.n,
        evidence="ladder",
    )


def _unmeasured(
    what: str,
    title: str,
    detail: str,
    *,
    severity: Severity = "info",
    outcome: Outcome = "not_applicable",
) -> Check:
    return Check(
        id=f"{STAGE}.{what}",
        stage=STAGE,
        title=title,
        severity=severity,
        outcome=outcome,
        detail=detail,
    )
