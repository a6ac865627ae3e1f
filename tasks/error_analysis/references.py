"""Up to which accuracy there is room for improvement, and who reaches it.

**The reference** is the highest accuracy known to be reachable: human-level performance (declared,
else measured on the items that several people labelled) or any other rung of the baseline ladder
that is an accuracy, and the model's own accuracy over all dev rows (a tag below it lags behind the
rest). Where people were measured on the tag itself, on enough items, their level there is its
reference: what is hard for people has less room. A declared level goes before all measured ones.
Two things are left out on purpose. The constant class: it earns its accuracy by giving up on the
rare class, and as a reference it would advise to do the same. The best-served slice: the largest
of many small rates is mostly noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.project.sections import Project


@dataclass(frozen=True)
class Reference:
    """An accuracy that is known to be reachable, and whose it is."""

    accuracy: float
    name: str


def choose_reference(
    project: Project, ladder: Iterable[Mapping[str, Any]], accuracy: float
) -> Reference:
    """The highest accuracy known to be reachable; `accuracy` is the model's over all dev rows.

    `ladder` holds rungs with name, metric, value and kind; those of another metric than accuracy
    cannot be compared with an error rate and are passed over.
    """
    known = [Reference(accuracy, "the model's accuracy on all dev rows")]
    hlp = project.baselines.hlp
    if hlp is not None and _declares_accuracy(project):
        known.append(Reference(hlp.value, f"human-level performance, {hlp.name}"))
    for rung in ladder:
        value = rung["value"]
        usable = value is not None and math.isfinite(value)
        if rung["metric"] != "accuracy" or rung["kind"] == "constant" or not usable:
            continue
        if rung["kind"] != "hlp":
            known.append(Reference(float(value), f"the baseline {rung['name']}"))
        elif not _declares_accuracy(project):
            known.append(Reference(float(value), f"human-level performance, {rung['name']}"))
    return max(known, key=lambda reference: reference.accuracy)


def people_by_tag(people: pd.DataFrame, project: Project) -> dict[str, Reference]:
    """How right one person is on the rows of each tag that people were measured on.

    `people` is the frame `human_level` of label consistency: accuracy by slice, recall by class.
    Empty where the project declares human-level accuracy.
    """
    if _declares_accuracy(project):
        return {}
    found = {}
    for row in people[people["n"] >= project.error_analysis.min_rows].to_dict("records"):
        name = f"{project.target}={row['name']}" if row["of"] == "class" else row["name"]
        measured = (row["of"], row["metric"]) in (("class", "recall"), ("slice", "accuracy"))
        if measured and math.isfinite(row["value"]):
            found[name] = Reference(float(row["value"]), f"people on {row['n']:,} such items")
    return found


def _declares_accuracy(project: Project) -> bool:
    hlp = project.baselines.hlp
    return hlp is not None and hlp.metric == "accuracy"
