"""The starter project file as text: every guess with a comment that says it is one.

Guarantees: the same proposal gives the same text; what comes from the data is written so that it is
read back as it is, in values and in comments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.starter.columns import FileProfile
from tasks.starter.proposals import MIN_SUPPORT, RARE_SHARE, TEST_SHARE, Proposal
from tasks.starter.yaml_text import comment_word, listed, mapping_key, scalar

_WIDTH = 100


@dataclass(frozen=True)
class Target:
    """The target, its labels with their rows, and the positive class with how it was chosen."""

    name: str
    labels: Mapping[str, int]
    positive: str | None
    chosen: str


def write_project(
    name: str, source: str, file: FileProfile, target: Target, found: Proposal
) -> str:
    """The text of the project file; `source` is the data file relative to it."""
    parts: list[list[str]] = [
        _head(name, source, file, target),
        _key(found),
        _features(found),
        _split(found),
        _slices(found),
        _audit(target, found),
        _approval(),
    ]
    return "\n".join("\n".join(part) + "\n" for part in parts if part)


def _head(name: str, source: str, file: FileProfile, target: Target) -> list[str]:
    rows = sum(target.labels.values())
    lines = [
        "# A first project file, proposed by `assayline init` from the columns alone. It runs as",
        "# it is. Every line with GUESS is one: read it, correct it, and delete the word. All keys",
        "# and their meaning: `assayline schema`.",
        f"name: {scalar(name)}",
        'description: ""  # one sentence: what is predicted, for whom, and what is done with it',
    ]
    if file.delimiter == ",":
        lines.append(f"source: {scalar(source)}")
    else:
        path, mark = scalar(source), _quoted(file.delimiter)
        lines.append(f"source: {{path: {path}, delimiter: {mark}}}")
    if file.unreadable:
        lines.append(
            f"# {file.unreadable:,} rows of it cannot be read; the run lists them by line."
        )
    lines.append(f"target: {scalar(target.name)}")
    if file.rows > rows:
        lines.append(f"# {file.rows - rows:,} rows have no label, and will be set aside.")
    if target.positive is not None:
        lines.append(f"positive_class: {scalar(target.positive)}  # {target.chosen}")
    else:
        counts = [f"{comment_word(one)} {n:,}" for one, n in target.labels.items()]
        more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
        lines += _wrapped(f"{len(counts)} classes: {', '.join(counts[:8])}{more}", "# ")
    return lines


def _key(found: Proposal) -> list[str]:
    if found.key is None:
        return [
            "# key: id  # No column was found that names a row for good. Without one a row is",
            "#          # known by its values, and a corrected feature makes a new row of it.",
        ]
    return [
        f"key: {scalar(found.key)}  # GUESS: differs in every row. It names the row, and is no "
        "feature"
    ]


def _features(found: Proposal) -> list[str]:
    kinds = [("numeric", found.numeric), ("categorical", found.categorical), ("text", found.text)]
    lines = ["# Features are found by their cells; name a column here to settle its kind."]
    for kind, names in kinds:
        if names:
            lines += _wrapped(f"{kind}, {len(names)}: {listed(list(names))}", "#   ")
    if found.unused:
        told = [f"{comment_word(n)} ({reason})" for n, reason in list(found.unused.items())[:8]]
        more = f" and {len(found.unused) - 8} more" if len(found.unused) > 8 else ""
        lines += _wrapped(f"no features unless they are named here: {', '.join(told)}{more}", "# ")
    if found.near_constant:
        shares = [f"{comment_word(n)} {s:.1%}" for n, s in list(found.near_constant.items())[:8]]
        more = f" and {len(found.near_constant) - 8} more" if len(found.near_constant) > 8 else ""
        lines += _wrapped(f"nearly always the same: {', '.join(shares)}{more}", "# ")
    if found.protected:
        lines += _wrapped(
            "Protected attributes stay features: leaving a column out removes no bias that other "
            "columns carry. To leave one out all the same, and still audit by it, give the reason:",
            "# ",
        )
        first = comment_word(next(iter(found.protected)))
        lines.append(f"#   exclude: {{{first}: protected attribute; the audit compares by it}}")
    if found.excluded:
        lines += ["features:", "  exclude:  # GUESS: never features, each with its reason"]
        lines += [f"    {mapping_key(name)} {scalar(why)}" for name, why in found.excluded.items()]
    lines += _wrapped(
        "Columns that are known only after the outcome belong under features.outcome_only. The "
        "stage Leakage looks for those that give the target away.",
        "# ",
    )
    return lines


def _split(found: Proposal) -> list[str]:
    if not (found.groups or found.times):
        return []
    lines = ["# How rows are split into train, dev and test; the default is by row."]
    for name, count in list(found.groups.items())[:3]:
        lines += _wrapped(
            f"GUESS: {comment_word(name)} has {count:,} values with several rows each. Where new "
            "data brings new ones, rows of one value on both sides make the test too easy:",
            "# ",
        )
        lines.append(f"# split: {{by: group, column: {scalar(name)}}}")
    for name in found.times[:3]:
        lines += _wrapped(
            f"GUESS: {comment_word(name)} is a date or time. Where the model is to predict what "
            "comes later, test it on what came later:",
            "# ",
        )
        lines.append(f"# split: {{by: time, column: {scalar(name)}}}")
    return lines


def _slices(found: Proposal) -> list[str]:
    columns = [*found.protected, *found.slices]
    if not (columns or found.extremes):
        return []
    lines = ["slices:  # GUESS: where the model is measured besides overall"]
    lines += [f"  - {scalar(name)}" for name in columns]
    for name, condition in found.extremes:
        lines.append(f"  - {{name: {scalar(name)}, condition: {_quoted(condition)}}}")
    return lines


def _audit(target: Target, found: Proposal) -> list[str]:
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
            f"       reason: {_quoted(why)}}}",
        ]
        if expected < MIN_SUPPORT:
            lines += _wrapped(
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
        return _wrapped(
            "No column is named like a protected attribute. Where another one tells groups of "
            "people apart, compare them: gaps: [{column: ..., metric: selection_rate, "
            "max_difference: 0.1, owner: ..., risk: ...}]",
            "  # ",
        )
    lines = _wrapped(
        "GUESS: these columns are named like protected attributes. max_difference is how far the "
        "rate may differ between two groups; which rate matters, and how far it may, is for the "
        "owner to say. For the four-fifths rule name the favourable class and min_ratio: 0.8.",
        "  # ",
    )
    if target.positive is None:
        class_name = min(target.labels, key=lambda name: (target.labels[name], name))
        lines += _wrapped("With more than two classes a gap names its class:", "  # ")
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
    lines = _wrapped(
        "Examples that matter more than their number: each counts for `weight` ordinary rows in "
        "the weighted metric, and must not be predicted worse than the others (or no more often "
        "wrongly than max_error_rate).",
        "  # ",
    )
    return [
        *lines,
        "  # important:",
        f"  #   - {{name: {scalar(name)}, condition: {_quoted(condition)}, weight: 5,",
        '  #      risk: what goes wrong if these are wrong, owner: ""}',
    ]


def _approval() -> list[str]:
    return [
        "approval:",
        "  mode: auto  # approve: a person signs every promotion",
        '  owner: ""',
    ]


def _quoted(words: str) -> str:
    written = scalar(words)
    return written if written.startswith('"') else f'"{written}"'


def _wrapped(sentence: str, start: str) -> list[str]:
    """The sentence as comment lines; a break falls between words only."""
    lines, line = [], start[:-1]
    for word in (part for part in sentence.split(" ") if part):
        if len(line) + 1 + len(word) > _WIDTH and line != start[:-1]:
            lines.append(line)
            line = start[:-1]
        line += f" {word}"
    return [*lines, line]
