"""The starter project file as text: every guess with a comment that says it is one.

Guarantees: the same proposal gives the same text; what comes from the data is written so that it is
read back as it is, in values and in comments.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.starter.audit_text import Target, audit_lines
from tasks.starter.columns import FileProfile
from tasks.starter.proposals import Proposal
from tasks.starter.yaml_text import comment_lines, comment_word, listed, mapping_key, quoted, scalar


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
        audit_lines(target, found),
        _gate(target),
        _approval(),
    ]
    return "\n".join("\n".join(part) + "\n" for part in parts if part)


def _head(name: str, source: str, file: FileProfile, target: Target) -> list[str]:
    rows = target.known
    lines = [
        "# A first project file, proposed by `assayline init` from the columns alone. It runs as",
        "# it is. Every line with GUESS is one: read it, correct it, and delete the word. All keys",
        "# and their meaning: `assayline schema`.",
        f"name: {scalar(name)}",
        'description: ""  # one sentence: what is predicted, for whom, and what is done with it',
    ]
    lines += _source(source, file)
    if file.unreadable:
        lines.append(
            f"# {file.unreadable:,} rows of it cannot be read; the run lists them by line."
        )
    lines.append(f"target: {scalar(target.name)}")
    if file.rows > rows:
        lines.append(f"# {file.rows - rows:,} rows have no label, and will be set aside.")
    if target.gain is not None:
        lines.append(
            f"task: regression  # GUESS: {target.values:,} different numbers are no classes"
        )
    elif target.positive is not None:
        lines.append(f"positive_class: {scalar(target.positive)}  # {target.chosen}")
    else:
        counts = [f"{comment_word(one)} {n:,}" for one, n in target.labels.items()]
        more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
        lines += comment_lines(f"{len(counts)} classes: {', '.join(counts[:8])}{more}", "# ")
    return lines


def _source(source: str, file: FileProfile) -> list[str]:
    if not file.settings:
        return [f"source: {scalar(source)}"]
    if list(file.settings) == ["delimiter"]:
        mark = quoted(file.settings["delimiter"])
        return [f"source: {{path: {scalar(source)}, delimiter: {mark}}}"]
    lines = ["source:  # GUESS: how numbers, dates and missing cells are written"]
    lines.append(f"  path: {scalar(source)}")
    for option, value in file.settings.items():
        if isinstance(value, Mapping):
            lines.append(f"  {option}:")
            lines += [f"    {mapping_key(name)} {quoted(form)}" for name, form in value.items()]
        elif isinstance(value, str):
            lines.append(f"  {option}: {quoted(value)}")
        else:
            lines.append(f"  {option}: [{', '.join(quoted(one) for one in value)}]")
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
            lines += comment_lines(f"{kind}, {len(names)}: {listed(list(names))}", "#   ")
    if found.unused:
        told = [f"{comment_word(n)} ({reason})" for n, reason in list(found.unused.items())[:8]]
        more = f" and {len(found.unused) - 8} more" if len(found.unused) > 8 else ""
        lines += comment_lines(
            f"no features unless they are named here: {', '.join(told)}{more}", "# "
        )
    if found.near_constant:
        shares = [f"{comment_word(n)} {s:.1%}" for n, s in list(found.near_constant.items())[:8]]
        more = f" and {len(found.near_constant) - 8} more" if len(found.near_constant) > 8 else ""
        lines += comment_lines(f"nearly always the same: {', '.join(shares)}{more}", "# ")
    if found.protected:
        lines += comment_lines(
            "Protected attributes stay features: leaving a column out removes no bias that other "
            "columns carry. To leave one out all the same, and still audit by it, give the reason:",
            "# ",
        )
        first = comment_word(next(iter(found.protected)))
        lines.append(f"#   exclude: {{{first}: protected attribute; the audit compares by it}}")
    if found.excluded:
        lines += ["features:", "  exclude:  # GUESS: never features, each with its reason"]
        lines += [f"    {mapping_key(name)} {scalar(why)}" for name, why in found.excluded.items()]
    lines += comment_lines(
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
        lines += comment_lines(
            f"GUESS: {comment_word(name)} has {count:,} values with several rows each. Where new "
            "data brings new ones, rows of one value on both sides make the test too easy:",
            "# ",
        )
        lines.append(f"# split: {{by: group, column: {scalar(name)}}}")
    for name in found.times[:3]:
        lines += comment_lines(
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
        lines.append(f"  - {{name: {scalar(name)}, condition: {quoted(condition)}}}")
    return lines


def _gate(target: Target) -> list[str]:
    if target.gain is None:
        return []
    return [
        f"# GUESS: a hundredth of the standard deviation of {comment_word(target.name)}. It is in",
        "# units of the target: say by how much smaller a mean error has to be to matter.",
        f"gate: {{min_gain: {target.gain:.2g}}}",
    ]


def _approval() -> list[str]:
    return [
        "approval:",
        "  mode: auto  # approve: a person signs every promotion",
        '  owner: ""',
    ]
