"""Tags that a rule gives: a column, a crossing, a condition, a text pattern, a function.

Guarantees: a pattern is one that takes time in proportion to the text, whatever it looks like, and
is refused here, before anything runs, where it cannot be used; a function is named, not imported.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from tasks.project.fields import SliceSpec, slice_from_short_form

_MOST_CHARACTERS = 500
_REFUSED = re.compile(r"Invalid regular expression: (?P<what>.*?)(: (?P<part>.*))?$", re.DOTALL)


class TagSpec(SliceSpec):
    """Rows that share a property: what a slice can be, or what a pattern or a function finds."""

    column: str | None = Field(default=None, description="column of words that 'pattern' searches")
    pattern: str | None = Field(
        default=None,
        description="regular expression in RE2's syntax (no lookaround, no backreference), found "
        "anywhere in the cell; a missing cell has no match",
    )
    ignore_case: bool = False
    function: str | None = Field(
        default=None,
        description="package.module:function, given the rows as a DataFrame, returns one boolean a "
        "row; its package needs --allow-imports",
    )

    @property
    def package(self) -> str | None:
        """The top-level package that the tag imports, if it does."""
        return None if self.function is None else re.split("[.:]", self.function)[0]

    @model_validator(mode="after")
    def _one_kind(self) -> TagSpec:
        kinds = (bool(self.columns), *(x is not None for x in (self.condition, self.pattern)))
        if sum((*kinds, self.function is not None)) != 1:
            raise ValueError(
                "a tag is one of 'columns', a 'condition', a 'pattern' and a 'function'"
            )
        if (self.pattern is None) != (self.column is None):
            raise ValueError("a pattern needs the 'column' that it searches, and nothing else does")
        if self.ignore_case and self.pattern is None:
            raise ValueError("'ignore_case' goes with a pattern")
        if not (self.name or self.columns or self.condition is not None):
            raise ValueError("a tag by a pattern or a function needs a 'name'")
        if self.pattern is not None:
            require_pattern(self.pattern)
        if self.function is not None:
            split_path(self.function)
        return self


Tag = Annotated[TagSpec, BeforeValidator(slice_from_short_form)]


def split_path(path: str) -> tuple[str, str]:
    """The module and the function of `package.module:function`, or with a last dot for the colon.

    Raises ValueError for anything else.
    """
    module, mark, name = path.rpartition(":" if ":" in path else ".")
    if not mark or not name.isidentifier() or not all(x.isidentifier() for x in module.split(".")):
        raise ValueError(f"'{path}' is no import path; write it as package.module:function")
    return module, name


def require_pattern(pattern: str) -> None:
    """Raise ValueError, with the position, for what RE2 does not take."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(pattern) > _MOST_CHARACTERS:
        raise ValueError(f"a pattern has at most {_MOST_CHARACTERS} characters: {len(pattern)}")
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except (pa.ArrowInvalid, UnicodeEncodeError) as failure:
        found = _REFUSED.search(str(failure))
        what, part = found.group("what", "part") if found else (str(failure), None)
        raise ValueError(
            f"the pattern {pattern!r}, position {_position(pattern, part)}: {what}"
            + (f" {part}" if part and part != pattern else "")
        ) from None


def _position(pattern: str, part: str | None) -> int:
    """Where the refused part begins, from 1: as Python says where it refuses the pattern too."""
    try:
        re.compile(pattern)
    except re.error as failure:
        if failure.pos is not None:
            return failure.pos + 1
    return max(pattern.find(part), 0) + 1 if part else 1
