"""Which settings, libraries and code differ between two runs?

Guarantees: a setting is named as in the project file, by its dotted path, with both values; an
entry of a list that has a name is found by it, so that candidates in another order are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.stage_specs import STAGES

_NEVER = frozenset({"source.path"})
"""Settings in the sections of those stages that change no model: content counts, not its place."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value that differs; None where it is unset or absent. Values are JSON values.

    `reaches_model` says whether the model could be another because of it.
    """

    name: str
    before: Any
    after: Any
    reaches_model: bool = True


def changed_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """What differs between two dumps of project files, in the order of the project file."""
    changes = changed_entries(flatten(before), flatten(after))
    return tuple(
        Change(
            name=change.name,
            before=change.before,
            after=change.after,
            reaches_model=_reaches_model(change.name),
        )
        for change in changes
    )


def changed_entries(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """What differs between two flat mappings; what only one of them has is None in the other."""
    names = [*before, *(name for name in after if name not in before)]
    return tuple(
        Change(name=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Each value by its dotted path; entries of a list by their name, in brackets, if all have one.

    Other lists are values. What is empty is left out: it says no more than what is absent.
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        elif named := _named_entries(value):
            for inner, entry in named.items():
                flat |= flatten(entry, f"{path}[{inner}].")
        elif value not in ([], ()):
            flat[path] = list(value) if isinstance(value, tuple) else value
    return flat


def _named_entries(value: Any) -> dict[str, dict[str, Any]]:
    """The entries of a list by their names; empty where it is no list of differently named ones."""
    if not isinstance(value, list | tuple) or not value:
        return {}
    if not all(isinstance(entry, Mapping) and entry.get("name") for entry in value):
        return {}
    named = {
        str(entry["name"]): {inner: v for inner, v in entry.items() if inner != "name"}
        for entry in value
    }
    return named if len(named) == len(value) else {}


def _reaches_model(name: str) -> bool:
    if name in _NEVER:
        return False
    parts = {"seed", *(part for stage in STAGES if stage.shapes_model for part in stage.sections)}
    return any(name == part or name.startswith((f"{part}.", f"{part}[")) for part in parts)
