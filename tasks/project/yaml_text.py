"""YAML text as plain values, or one sentence on what is wrong with it.

Guarantees: it is YAML 1.2, but that only `true` and `false` are truth values, and dates and numbers
with leading zeros are words (a class is named `True`, a postcode `01234`); a duplicate key is
refused; a text makes plain values alone, and no more of them than it holds; a value that its tag
cannot read, or that no file could hold, is refused like any mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.resolver import VersionedResolver

from tasks.errors import ProjectFileError

_MOST_VALUES = 200_000
"""A file of a few lines can say, by aliases, that it has more values than fit into memory."""
_DEEPEST = 50
_LONGEST_NUMBER = 1024
_LEADING_ZEROS = re.compile(r"[-+]?0[0-9_]+")
_UNREADABLE = (ValueError, LookupError, AttributeError, TypeError, OverflowError)
"""What is raised of a value that its tag cannot read."""


def parse_yaml(text: str, name: str) -> dict[str, Any]:
    """The mapping that a YAML text holds. Raises ProjectFileError, which names it by `name`."""
    values = parse_value(text, name)
    if not isinstance(values, dict):
        kind = "empty" if values is None else f"a {type(values).__name__}"
        raise ProjectFileError(f"{name} must be a YAML mapping of keys to values, and is {kind}")
    return values


def parse_value(text: str, name: str) -> Any:
    """The value of a YAML text. Raises ProjectFileError, which names it by `name`."""
    reader = YAML(typ="safe", pure=True)
    reader.Resolver, reader.Constructor, reader.max_depth = _Resolver, _Constructor, _DEEPEST
    try:
        node = reader.compose(text)
        _require_bounded(node, name)
        value = None if node is None else reader.constructor.construct_document(node)
    except (RecursionError, MaxDepthExceededError):
        raise _too_large(name) from None
    except YAMLError as failure:
        mark = getattr(failure, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(failure, "problem", None) or "cannot be parsed"
        raise ProjectFileError(f"{name}:{where} is not valid YAML: {problem}") from None
    except _LineError as failure:
        raise ProjectFileError(f"{name}: {failure}") from None
    _require_holdable(value, name)
    return value


class _LineError(Exception):
    """What is wrong, with the line."""


class _Resolver(VersionedResolver):
    """YAML 1.2, where what may be meant as a word stays one."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """The tag of a node."""
        tag = super().resolve(kind, value, implicit)
        if kind is not ScalarNode or not implicit[0] or value in ("true", "false"):
            return tag
        is_word = str(tag).rpartition(":")[2] in ("bool", "timestamp", "value")
        return self.DEFAULT_SCALAR_TAG if is_word or _LEADING_ZEROS.fullmatch(value) else tag


class _Constructor(SafeConstructor):
    """SafeConstructor whose refusals name the line."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The value of a node. Raises _LineError where its tag cannot read it."""
        try:
            return super().construct_object(node, deep)
        except _UNREADABLE:
            kind, line = str(node.tag).rpartition(":")[2], node.start_mark.line + 1
            shown = f"'{str(node.value)[:40]}'" if isinstance(node.value, str) else "what it tags"
            raise _LineError(
                f"line {line}: {shown} cannot be read as {kind}; write a shorter or another value"
            ) from None

    def check_mapping_key(
        self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any
    ) -> bool:
        """Raise _LineError for a key that stands twice."""
        if key in mapping:
            line = key_node.start_mark.line + 1
            raise _LineError(f"line {line}: the key '{key}' stands twice; keep one of them")
        return True


def _require_bounded(root: Any, name: str) -> None:
    """Raise ProjectFileError for a text whose aliases or merges make it grow without end."""
    waiting, values = [(root, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        values += 1
        if values > _MOST_VALUES or depth > _DEEPEST:
            raise _too_large(name)
        if isinstance(node, MappingNode):
            waiting += [(part, depth + 1) for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            waiting += [(part, depth + 1) for part in node.value]


def _require_holdable(value: Any, name: str) -> None:
    """Raise ProjectFileError for text that no file or database holds, and for endless numbers."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set):
            waiting += one
        elif isinstance(one, str):
            _require_text(one, name)
        elif isinstance(one, int) and one.bit_length() > _LONGEST_NUMBER:
            raise ProjectFileError(
                f"{name} has a whole number of more than {_LONGEST_NUMBER} bits; write it in "
                "quotes if it is a word"
            )


def _require_text(text: str, name: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ProjectFileError(f"{name} has a text with half a character: {text[:40]!r}") from None
    if "\0" in text:
        raise ProjectFileError(f"{name} has a NUL character in {text[:40]!r}; take it out")


def _too_large(name: str) -> ProjectFileError:
    return ProjectFileError(
        f"{name} nests or repeats more than {_DEEPEST} levels or {_MOST_VALUES:,} values; write it "
        "without aliases (& and *)"
    )
