"""The first audit plan as text: limits that are guesses, for owners that are to be named.

Guarantee: what is proposed and not declared stands in comments that can be taken over as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.starter.proposals import MIN_SUPPORT, RARE_SHARE, TEST_SHARE, Proposal
from tasks.starter.yaml_text import comment_lines, quoted, scalar


@dataclass(frozen=True)
class Target:
    """The target, its labels with their rows, and the positive class with how it was chosen."""

    name: str
    labels: Mapping[str, int]
    positive: str | None
    chosen: str


def audit_lines(target: Target, found: Proposal) -> list[str]:
    """The section `audit`, with what could be added as comments."""
    rows = sum(target.labels.values())
    lines = [
        "# The audit plan: what can go wrong (risk), where, how far it may (the limit), how grave",
        "# it is, who answers for it. Severity `warning` is shown to who signs, `critical` rejects",
        "# the model.",
        "audit:",
        '  owner: ""  # who answers for a limit that names nobody; empty: nobody does',
    ]
    floors = _floors(target, found, rows)
    if floors:
        lines += ["  floors:", *floors]
    lines += _gaps(target, found)
    lines += _important(found)
    return lines


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
            "No column is named like a protected attribute. Where another one tells groups of "
            "people apart, compare them: gaps: [{column: ..., metric: selection_rate, "
            "max_difference: 0.1, owner: ..., risk: ...}]",
            "  # ",
        )
    lines = comment_lines(
        "GUESS: these columns are named like protected attributes. max_difference is how far the "
        "rate may differ between two groups; which rate matters, and how far it may, is for the "
        "owner to say. For the four-fifths rule name the favourable class and min_ratio: 0.8.",
        "  # ",
    )
    if target.positive is None:
        class_name = min(target.labels, key=lambda name: (target.labels[name], name))
        lines += comment_lines("With more than two classes a gap names its class:", "  # ")
        sign, of_class = "  # ", f"class: {scalar(class_name)}, "
    else:
        sign, of_class = "  ", ""
    lines.append(f"{sign}gaps:")
    for name, attribute in found.protected.items():
        risk = f"groups by {attribute} are treated differently"
        lines += [
            f"{sign}  - {{column: {scalar(name)}, metric: selection_rate, {of_class}"
            "max_difference: 0.1,",
            f"{sign}     severity: warning, risk: {risk},",
            f'{sign}     owner: "", reason: a guess by assayline init}}',
        ]
    return lines


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
