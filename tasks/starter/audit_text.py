"""The first audit plan as text: limits that are guesses, for owners that are to be named.

Guarantee: what is proposed and not declared stands in comments that can be taken over as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.starter.proposals import MIN_SUPPORT, RARE_SHARE, TEST_SHARE, Proposal
from tasks.starter.yaml_text import comment_lines, quoted, scalar

_GAP_IN_GAINS = 5
"""How far the errors of two groups may differ, in gains that count: a fifth of a gap is one."""


@dataclass(frozen=True)
class Target:
    """The target, its labels with their rows, and the positive class with how it was chosen.

    A number to be estimated has no labels: `gain` is the difference in its units that a better
    model has to make, `values` how many different ones it has, `known` the rows that have one.
    """

    name: str
    labels: Mapping[str, int]
    positive: str | None
    chosen: str
    known: int
    values: int
    gain: float | None = None


def audit_lines(target: Target, found: Proposal) -> list[str]:
    """The section `audit`, with what could be added as comments."""
    lines = [
        "# The audit plan: what can go wrong (risk), where, how far it may (the limit), how grave",
        "# it is, who answers for it. Severity `warning` is shown to who signs, `critical` rejects",
        "# the model.",
        "audit:",
        '  owner: ""  # who answers for a limit that names nobody; empty: nobody does',
    ]
    floors = _floors(target, found, target.known)
    if floors:
        lines += ["  floors:", *floors]
    lines += _gaps(target, found)
    return lines if target.gain is not None else [*lines, *_important(found)]


def _floors(target: Target, found: Proposal, rows: int) -> list[str]:
    lines = []
    wanted = dict(found.rare)
    if target.positive is not None:
        wanted = {target.positive: target.labels[target.positive]}
    for name, count in wanted.items():
        rare = count < RARE_SHARE * rows
        expected = round(count * TEST_SHARE)
        risk = "a rare class is not found" if rare else "the class that is looked for is not found"
        why = f"a guess by assayline init; {count:,} of {rows:,} rows are of this class"
        lines += [
            f"    - {{metric: recall, class: {scalar(name)}, minimum: 0.3, severity: warning,",
            f'       risk: {risk}, owner: "",',
            f"       reason: {quoted(why)}}}",
        ]
        if expected < MIN_SUPPORT:
            lines += comment_lines(
                f"about {expected} test rows of it can be expected, and {MIN_SUPPORT} are needed: "
                "it cannot be judged before there are more",
                "      # ",
            )
    if target.positive is not None:
        lines += [
            "    - {metric: roc_auc, minimum: 0.6, severity: warning, risk: hardly better than "
            'chance, owner: "",',
            "       reason: a guess by assayline init}",
        ]
    return lines


def _gaps(target: Target, found: Proposal) -> list[str]:
    if not found.protected:
        return comment_lines(
            "No column is NAMED like a protected attribute. That is no all-clear: names alone were "
            "looked at, and a postcode, a first name or a code can stand in for one. Where the "
            "model is about people, find the column that tells groups of them apart, and compare "
            f"them: gaps: [{{column: ..., {_gap_limit(target)}, owner: ..., risk: ...}}]",
            "  # ",
        )
    lines = comment_lines(
        "GUESS: these columns are named like protected attributes. max_difference is how far the "
        "rate may differ between two groups; which rate matters, and how far it may, is for the "
        "owner to say. For the four-fifths rule name the favourable class and min_ratio: 0.8.",
        "  # ",
    )
    if target.positive is None and target.gain is None:
        class_name = min(target.labels, key=lambda name: (target.labels[name], name))
        lines += comment_lines("With more than two classes a gap names its class:", "  # ")
        sign, of_class = "  # ", f"class: {scalar(class_name)}, "
    else:
        sign, of_class = "  ", ""
    lines.append(f"{sign}gaps:")
    for name, attribute in found.protected.items():
        risk = f"groups by {attribute} are treated differently"
        lines += [
            f"{sign}  - {{column: {scalar(name)}, {of_class}{_gap_limit(target)},",
            f"{sign}     severity: warning, risk: {risk},",
            f'{sign}     owner: "", reason: a guess by assayline init}}',
        ]
    return lines


def _gap_limit(target: Target) -> str:
    if target.gain is None:
        return "metric: selection_rate, max_difference: 0.1"
    return f"metric: mae, max_difference: {_GAP_IN_GAINS * target.gain:.3g}"


def _important(found: Proposal) -> list[str]:
    name, condition = found.important or ("the name of the set", "column == 'value'")
    lines = comment_lines(
        "Examples that matter more than their number: each counts for `weight` ordinary rows in "
        "the weighted metric, and must not be predicted worse than the others (or no more often "
        "wrongly than max_error_rate).",
        "  # ",
    )
    return [
        *lines,
        "  # important:",
        f"  #   - {{name: {scalar(name)}, condition: {quoted(condition)}, weight: 5,",
        '  #      risk: what goes wrong if these are wrong, owner: ""}',
    ]
