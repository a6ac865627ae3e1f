"""Which classes do the labels name: spellings of one class brought together, rare ones as asked?

Guarantees: a label is changed only where the project says so (`labels.rename`,
`labels.rare_classes`); classes are counted after renaming, and two classes are never merged.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingestion.cells import TypedColumn
from tasks.project.sections import Project

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def class_counts(labels: pa.ChunkedArray) -> dict[str, int]:
    """Rows of each label that is not missing, by label."""
    pairs = [(one["values"], one["counts"]) for one in pc.value_counts(labels).to_pylist()]
    return {str(label): int(n) for label, n in sorted(p for p in pairs if p[0] is not None)}


def renamed(labels: pa.ChunkedArray, rename: Mapping[str, str]) -> pa.ChunkedArray:
    """The labels, those that `rename` names as the class that they mean."""
    if not rename:
        return labels
    old = pa.array(list(rename), type=labels.type)
    new = pa.array(list(rename.values()), type=labels.type)
    return pc.coalesce(new.take(pc.index_in(labels, value_set=old)), labels)


def rare_classes(labels: pa.ChunkedArray, project: Project) -> dict[str, int]:
    """The classes with fewer rows than `labels.rare_rows`, of more than two; with their rows."""
    if project.task == "regression" or project.positive_class is not None:
        return {}
    counts = class_counts(renamed(labels, project.labels.rename))
    if len(counts) <= 2:
        return {}
    return {label: n for label, n in counts.items() if n < project.labels.rare_rows}


def with_classes(
    columns: Mapping[str, TypedColumn], rare: Mapping[str, int], project: Project
) -> dict[str, TypedColumn]:
    """The columns, with the labels of target and annotators as the project names them."""
    section = project.labels
    rename = dict(section.rename)
    if section.rare_classes == "merge":
        merged = dict.fromkeys(rare, section.rare_name)
        rename = {**merged, **{old: merged.get(new, new) for old, new in rename.items()}}
    named = (project.target, *section.annotators)
    if project.task == "regression" or not rename:
        return dict(columns)
    return {
        name: dataclasses.replace(column, values=renamed(column.values, rename))
        if name in named
        else column
        for name, column in columns.items()
    }


def spellings(counts: Mapping[str, int], *, ignore_case: bool) -> list[list[str]]:
    """Labels that are one but for how they are written, the most frequent of each first.

    That is for blanks, signs that do not print, the unicode form and how a number is written;
    with `ignore_case` also for case and for compatible characters.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        groups[_canonical(label, ignore_case=ignore_case)].append(label)
    ordered = (sorted(group, key=lambda one: (-counts[one], one)) for group in groups.values())
    return [group for group in ordered if len(group) > 1]


def is_number(word: str) -> bool:
    """Whether a label is a plain number."""
    return _NUMBER.fullmatch(word) is not None


def _canonical(label: str, *, ignore_case: bool) -> str:
    word = unicodedata.normalize("NFKC" if ignore_case else "NFC", label)
    printed = (sign for sign in word if unicodedata.category(sign) != "Cf")
    word = " ".join("".join(printed).split())
    if ignore_case:
        word = unicodedata.normalize("NFKC", word.casefold())
    # 007 may be a code, and is told as what differs by case is.
    if not is_number(word) or (not ignore_case and re.match("[+-]?0[0-9]", word)):
        return word
    try:
        return f"number {Decimal(word).normalize() + 0}"
    except InvalidOperation:  # a form that the pattern takes and Decimal does not
        return word
