"""Are the labels the classes that they mean: none split by spelling, none read as missing?

Guarantees: every function returns checks and raises nothing for bad data; each detail names the
labels and the setting that mends them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tasks.checks import Check
from tasks.ingestion.cells import TypedColumn, as_words
from tasks.ingestion.judging_notations import as_setting
from tasks.ingestion.labels import class_counts, is_number, renamed, spellings
from tasks.ingestion.sources import RawSource
from tasks.ingestion.wording import check, joined
from tasks.project.data_sections import SourceSection
from tasks.project.sections import Project

_MOST_LABELS = 2_000


def judge_labels(
    raw: RawSource, column: TypedColumn, rare: Mapping[str, int], project: Project
) -> list[Check]:
    """Spellings, labels read as missing, rare classes; `column` is the target as it is written."""
    if project.task == "regression":
        return []
    checks = [*_judge_missing_words(raw, project)]
    if pa.types.is_large_string(column.values.type):
        counts = class_counts(renamed(column.values, project.labels.rename))
        if len(counts) <= _MOST_LABELS:
            checks.append(_judge_spellings(counts, project.target))
    if rare and project.labels.rare_classes != "keep":
        checks.append(_judge_rare(rare, project))
    return checks


def _judge_spellings(counts: Mapping[str, int], target: str) -> Check:
    """Whether two labels are one class; refused unless they differ by case, which may be meant."""
    title = "Each class is written in one way"
    surely = spellings(counts, ignore_case=False)
    groups = spellings(counts, ignore_case=True)
    if not groups:
        detail = f"No two of the {len(counts):,} labels of '{target}' are one but for how they are"
        detail += " written (blanks, case, number form)."
        return check("label_forms", title, "passed", detail, value=0, n=sum(counts.values()))
    shown = [
        " and ".join(
            f"{json.dumps(one, ensure_ascii=False)} ({counts[one]:,} rows)" for one in group
        )
        for group in groups
    ]
    rename = {one: _meant(group) for group in groups for one in group if one != _meant(group)}
    detail = (
        f"'{target}' has labels that are one class but for blanks, case or number form: "
        f"{joined(shown)}; write them in one way, or write "
        f"labels.rename: {json.dumps(rename, ensure_ascii=False)}"
    )
    return check(
        "label_forms",
        title,
        "failed",
        f"{detail}.",
        severity="critical" if surely else "warning",
        value=len(groups),
        n=sum(counts.values()),
    )


def _meant(group: Sequence[str]) -> str:
    """The spelling that a group should have: the most frequent, of numbers the shortest."""
    printed = " ".join(group[0].split())
    if is_number(printed):
        return min((" ".join(one.split()) for one in group), key=len)
    return printed or group[0]


def _judge_missing_words(raw: RawSource, project: Project) -> list[Check]:
    """Labels that are words such as NA, which are read as missing unless the project says so."""
    source = project.source
    cells = raw.table[project.target]
    words = [word for word in source.null_values if word.strip()]
    declared = source.null_values != SourceSection.model_fields["null_values"].default
    if declared or pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type):
        return []
    texts = as_words(cells)
    found = texts.filter(pc.is_in(texts, value_set=pa.array(words, pa.large_string())))
    if not len(found):
        return []
    counts = class_counts(found)
    share = len(found) / len(texts)
    limit = source.max_quarantined_share
    shown = " and ".join(f"'{word}' in {n:,} of {len(texts):,} rows" for word, n in counts.items())
    without = [word for word in source.null_values if word not in counts]
    alone = ["", *counts]
    detail = (
        f"The target '{project.target}' holds {shown}, which is read as 'missing', so that these "
        f"rows are set aside; if it is a class, write {as_setting('null_values', without)}, and if "
        f"the label is missing, say so with {as_setting('null_values', alone)}."
    )
    return [
        check(
            "label_words",
            "No label is read as missing",
            "failed",
            detail,
            severity="critical" if share > limit else "warning",
            value=share,
            limit=limit,
            n=len(texts),
        )
    ]


def _judge_rare(rare: Mapping[str, int], project: Project) -> Check:
    section = project.labels
    done = f"made one class, '{section.rare_name}'"
    if section.rare_classes == "set_aside":
        done = "set aside with their rows, and the model will never tell them"
    shown = joined([f"'{label}' {n:,}" for label, n in rare.items()])
    detail = (
        f"{len(rare):,} classes with fewer than {section.rare_rows:,} rows "
        f"({sum(rare.values()):,} in all) were {done}: {shown}."
    )
    return check(
        "rare_classes",
        "Classes with too few rows",
        "failed",
        detail,
        severity="info",
        value=len(rare),
        n=sum(rare.values()),
    )
