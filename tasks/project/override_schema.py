"""What the form of a run takes as an override, as a JSON schema: known keys, values of their kind.

Guarantees: derived from the project's sections, so that a new setting is known at once; what it
refuses is refused before a run starts, with the reason; what it cannot judge (a list, a mapping, a
text) it takes, and the run itself reads it.

The reason stands in `const`, because the message of a validator quotes that, and of nothing else.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from tasks.project.sections import Project

_NUMBER = r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_QUOTED = "['\"]?(?:{})['\"]?"


@dataclass(frozen=True)
class _Kind:
    """What values a setting takes: in words, and as a pattern; None takes anything."""

    words: str = ""
    pattern: str | None = None


def override_schema() -> dict[str, Any]:
    """The schema of one override, `section.key=value`."""
    keys = list(_keys(Project, ""))
    schema: dict[str, Any] = {}
    for kind in dict.fromkeys(kind for _, kind in keys if kind.pattern is not None):
        these = "|".join(key for key, found in keys if found == kind)
        schema = {
            "if": {"pattern": rf"^\s*(?:{these})\s*=(?!\s*(?:{kind.pattern}|null)\s*$)"},
            "then": {"const": f"{kind.words} as the value of this setting"},
            "else": schema,
        }
    known = "|".join(key for key, _ in keys)
    return {
        "if": {"pattern": rf"^(?!\s*(?:{known})\s*=).*="},
        "then": {"const": "section.key=value with a key that a project file can have"},
        "else": schema,
    }


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, _Kind]]:
    """The keys of a section as patterns, each with the kind of its value."""
    for name, field in model.model_fields.items():
        key = prefix + re.escape(field.alias or name)
        parts = list(_parts(field.annotation))
        yield key, _kind(parts)
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _keys(part, rf"{key}\.")
            elif typing.get_origin(part) in (dict, Mapping):
                yield rf"{key}\.[^=]+", _Kind()


def _parts(annotation: Any) -> Iterator[Any]:
    """The types that a value may have, without their limits."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _parts(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for one in typing.get_args(annotation):
            yield from _parts(one)
    else:
        yield annotation


def _kind(parts: list[Any]) -> _Kind:
    wanted = [part for part in parts if part is not type(None)]
    if wanted and set(wanted) <= {int, float}:
        return _Kind("a number", _NUMBER)
    if wanted == [bool]:
        return _Kind("true or false", "true|false")
    if wanted and all(typing.get_origin(part) is Literal for part in wanted):
        choices = [str(choice) for part in wanted for choice in typing.get_args(part)]
        pattern = _QUOTED.format("|".join(re.escape(choice) for choice in choices))
        return _Kind(f"one of {', '.join(choices)}", pattern)
    return _Kind()
