"""Which changes of a project file, made for one run alone, make that run a trial.

Guarantees: whatever can block a candidate, choose the rows that judge it or say who signs is bound
to the project file: a run that changes it judges, and promotes by nothing but a signature that
names the changes. A section that this module does not know is bound; what is free is listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.project.sections import Project

FREE = ("description", "training", "error_analysis", "schedule", "notify", "retention")
"""Sections that make another model, or none: the same limits judge it on the same rows."""
BOUND_WITHIN = ("training.metric", "error_analysis.tolerance")
"""Keys of free sections by which candidates are judged: the gate's metric where it has no other."""
NO_LIMITS = ("name", "source.path", "seed")
"""Bound keys that are no limit: what is judged, and how chance is drawn."""
REFRESH = "gate.intent=refresh"
"""The change that `schedule.on_alarm` of a project file declares."""


def bound_settings(project: Project) -> dict[str, Any]:
    """The values that are bound to the project file, by section, or by key where others are free.

    JSON values.
    """
    whole = project.model_dump(mode="json", by_alias=True)
    bound = {name: value for name, value in whole.items() if name not in FREE}
    return {**bound, **{path: _at(whole, path) for path in BOUND_WITHIN}}


def limits(project: Project) -> dict[str, Any]:
    """What a verdict was reached under: all that is bound, but for what is no limit."""
    found = bound_settings(project)
    for path in NO_LIMITS:
        section, _, key = path.partition(".")
        if not key:
            del found[section]
        else:
            found[section] = {n: value for n, value in found[section].items() if n != key}
    return found


def binding_overrides(
    own: Project | None, project: Project, overrides: Sequence[str]
) -> tuple[str, ...]:
    """The overrides that change what is bound: `project` is `own`, the file's, with them.

    `own` is None where the file is no project without them. An override that says what the file
    says already changes nothing.
    """
    before = bound_settings(own) if own is not None else None
    after = bound_settings(project)
    changed = [name for name, value in after.items() if before is None or before[name] != value]
    if not changed:
        return ()
    paths = {one: one.partition("=")[0].strip() for one in overrides}
    found = [one for one, path in paths.items() if any(_related(path, name) for name in changed)]
    # A change that no path accounts for is laid to all of them, unless the file is no project.
    return tuple(dict.fromkeys(found if found or before is None else overrides))


def unsigned(
    binding: Sequence[str], own: Project | None, *, intent: str | None, by_automation: bool
) -> tuple[str, ...]:
    """The binding overrides that the project file itself does not authorise.

    It authorises one: the intent `refresh` of a run that an automation started, where its own
    schedule declares `on_alarm`. A person who asks for the same makes a trial.
    """
    schedule = own.schedule if own is not None else None
    declared = schedule is not None and schedule.on_alarm and by_automation
    if declared and intent == "refresh":
        return tuple(one for one in binding if one != REFRESH)
    return tuple(binding)


def _related(path: str, name: str) -> bool:
    """Whether one dotted path lies within the other."""
    return path == name or path.startswith(f"{name}.") or name.startswith(f"{path}.")


def _at(values: Mapping[str, Any], path: str) -> Any:
    found: Any = values
    for key in path.split("."):
        found = found[key]
    return found
