"""What tags come from besides the project file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks.tagging.hand_tags import HandTags


@dataclass(frozen=True)
class TagSources:
    """What people said, and the packages that functions which are tags may come from."""

    hand: HandTags | None = None
    allow_imports: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, tags: Path | None, exports: Path | None, allow_imports: tuple[str, ...]
    ) -> TagSources:
        """The hand tags in these files, where there are any.

        Raises ProjectFileError for files that cannot be used.
        """
        if tags is None:
            return cls(allow_imports=allow_imports)
        return cls(HandTags.read(tags, exports), allow_imports)
