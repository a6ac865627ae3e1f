"""From a data file to a project file that `assayline run` accepts, or one sentence why not.

Guarantees: the text is read back as a project and its columns are those of the file before it is
handed out; the same file and words give the same text; what a run would refuse (no class to tell
apart, no feature left) is refused here, in the run's own words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tasks.errors import NotFoundError, UsageError
from tasks.ingestion.judging_columns import judge_header
from tasks.ingestion.judging_rows import judge_target
from tasks.ingestion.role_resolution import resolve_roles
from tasks.messages import nearest_name
from tasks.project.sections import Project
from tasks.project.yaml_text import parse_yaml
from tasks.starter.columns import ColumnProfile, FileProfile, labels_of, profile_file
from tasks.starter.project_text import Target, comment_word, write_project
from tasks.starter.proposals import Proposal, is_quantity, propose

_MOST_LABELS = 20
_MOST_LISTED = 12
_TARGET_WORDS = re.compile(
    r"^(y|target|label|class|outcome|result|response|default|churn|fraud|deny|denied|survived)$"
)


@dataclass(frozen=True)
class Starter:
    """The text of a project file, and what it says in sentences for the terminal."""

    text: str
    notes: tuple[str, ...]


def propose_project(
    data: Path, source: str, target: str | None, positive: str | None = None
) -> Starter:
    """A project file for `data`; `source` is the path that the project file names it by.

    Raises UsageError, with one sentence, when the file cannot be read, the target is not named
    or cannot be learned, or no column is left to predict it from.
    """
    file = profile_file(data)
    if target is None:
        raise UsageError(_which_target(file))
    if target not in file.columns:
        near = nearest_name(target, file.columns)
        hint = f"did you mean --target {_shown(near)}?" if near else _which_target(file)
        raise NotFoundError(f"{data.name} has no column {_shown(target)}; {hint}")
    chosen = _choose(file, target, positive)
    found = propose(file, target, chosen.labels)
    text = write_project(_name(data), source, file, chosen, found)
    _require_accepted(text, file, chosen)
    return Starter(text, tuple(_notes(file, chosen, found)))


def _which_target(file: FileProfile) -> str:
    """The columns that could be predicted, with their number of values."""
    plausible = [column for column in file.columns.values() if _may_be_target(column)]
    named = [column for column in plausible if _TARGET_WORDS.match(column.name.casefold())]
    ordered = [*named, *(column for column in plausible if column not in named)]
    if not ordered:
        return (
            "no column has 2 to 20 different values, as a target with classes has; name one with "
            "--target COLUMN"
        )
    shown = ", ".join(f"{_shown(c.name)} ({c.distinct} values)" for c in ordered[:_MOST_LISTED])
    more = f" and {len(ordered) - _MOST_LISTED} more" if len(ordered) > _MOST_LISTED else ""
    return f"name the column to predict with --target; it could be {shown}{more}"


def _may_be_target(column: ColumnProfile) -> bool:
    return column.kind in ("categorical", "numeric") and 2 <= column.distinct <= _MOST_LABELS


def _choose(file: FileProfile, target: str, asked: str | None) -> Target:
    """What is learned: a number to be estimated, or classes."""
    column = file.columns[target]
    if not is_quantity(column):
        return _choose_positive(target, labels_of(file.raw, target, file.source), column, asked)
    if asked is not None:
        raise UsageError(
            f"--positive is for two classes, and {_shown(target)} has {column.distinct:,} "
            "different numbers; leave it out"
        )
    gain = float(f"{column.spread / 100 or 0.01:.1g}")
    return Target(target, {}, None, "", column.known, column.distinct, gain)


def _choose_positive(
    target: str, labels: Mapping[str, int], column: ColumnProfile, asked: str | None
) -> Target:
    known = (sum(labels.values()), len(labels))
    if asked is not None and asked not in labels:
        shown = ", ".join(_shown(name) for name in list(labels)[:5])
        more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
        raise UsageError(
            f"--positive {_shown(asked)} is no label of {_shown(target)}; they are {shown}{more}"
        )
    if len(labels) != 2:
        if asked is not None:
            raise UsageError(
                f"--positive is for two classes, and {_shown(target)} has {len(labels)}; leave it "
                "out"
            )
        return Target(target, labels, None, "", *known)
    rows = sum(labels.values())
    rarer = min(labels, key=lambda name: labels[name])
    name = rarer if asked is None else asked
    share = f"{labels[name]:,} of {rows:,} rows, {labels[name] / rows:.1%}"
    if asked is not None:
        return Target(target, labels, name, f"as asked; {share}", *known)
    if len(set(labels.values())) == 1:
        return Target(target, labels, name, f"GUESS: both classes are as frequent; {share}", *known)
    return Target(target, labels, name, f"GUESS: the rarer class; {share}", *known)


def _name(data: Path) -> str:
    """The file's name as a project may be called."""
    plain = unicodedata.normalize("NFKD", data.stem).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    return words[:63] or "project"


def _require_accepted(text: str, file: FileProfile, target: Target) -> None:
    """Raise what a run of the text would refuse the data for."""
    project = Project.model_validate(parse_yaml(text, "the proposed project file"))
    failed = [check for check in judge_header(file.raw, project, None) if check.blocks]
    if target.gain is None:
        labels = pd.Series(
            [name for name, rows in target.labels.items() for _ in range(rows)], dtype="str"
        )
        judged = judge_target(labels, file.rows - len(labels), project)
        failed += [judged] if judged.blocks else []
    if failed:
        raise UsageError(failed[0].detail)
    kinds = {name: column.kind for name, column in file.columns.items()}
    reasons = {n: c.no_feature for n, c in file.columns.items() if c.no_feature is not None}
    roles = resolve_roles(project, kinds, reasons)
    if not roles.features:
        why = ", ".join(f"{_shown(n)}: {r}" for n, r in list(roles.excluded.items())[:5])
        others = f" ({why})" if why else ""
        raise UsageError(
            f"no column is left to predict {_shown(target.name)} from{others}; name features in a "
            "project file, or bring a file with more columns"
        )


def _notes(file: FileProfile, target: Target, found: Proposal) -> list[str]:
    features = len(found.numeric) + len(found.categorical) + len(found.text)
    notes = [
        f"{file.rows:,} rows, {len(file.columns)} columns: {features} features, "
        f"{len(found.excluded)} excluded, {len(found.unused)} not used"
    ]
    if target.positive is not None:
        notes.append(f"positive class {_shown(target.positive)}: {target.chosen}")
    elif target.gain is not None:
        notes.append(
            f"task: regression, because {_shown(target.name)} has {target.values:,} different "
            f"numbers; gate.min_gain {target.gain:g} is a guess: in its units, say what matters"
        )
    else:
        notes.append(f"{len(target.labels)} classes of {_shown(target.name)}")
    proposed = [("group", name) for name in found.groups] or [("time", n) for n in found.times]
    for by, name in proposed[:1]:
        notes.append(
            f"split by {by}, column {_shown(name)}, is proposed in a comment; decide before the "
            "first run"
        )
    if found.protected:
        named = [f"{_shown(name)} ({what})" for name, what in found.protected.items()]
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""
        notes.append(
            f"protected attributes by name: {', '.join(named[:5])}{more}; compared by the audit, "
            "and still features"
        )
    else:
        notes.append(
            "no column is named like a protected attribute; that is no all-clear, because names "
            "alone were looked at: where it is about people, declare audit.gaps"
        )
    return notes


def _shown(words: str) -> str:
    return comment_word(words)
