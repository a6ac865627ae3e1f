"""How the words of a stage are told: by the kind of a check, by the name of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.checks import Check, StageResult

Words = str | tuple[str, str] | Callable[[Any], tuple[str, str]]
"""Title and note (or alt): fixed, or made from the table or figure itself."""

ANY = "*"
"""The kind of checks whose kind is not known beforehand."""


@dataclass(frozen=True, kw_only=True)
class StageWords:
    """The words of one stage.

    `checks` are title and sentence by `Check.kind`, `tables` title and note by name, `figures`
    title and alt by the name of their table.
    """

    checks: Mapping[str, Callable[[Check], tuple[str, str]]]
    summary: Callable[[StageResult], str]
    tables: Mapping[str, Words] = field(default_factory=dict)
    figures: Mapping[str, Words] = field(default_factory=dict)

    def check_words(self, check: Check) -> tuple[str, str]:
        """Title and sentence. Raises KeyError for a kind without words."""
        tell = self.checks.get(check.kind) or self.checks[ANY]
        return tell(check)
