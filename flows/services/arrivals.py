"""New data: the source files of deployed projects, looked at again and again.

Guarantees: a file that is still being written is left alone until it stands still; the same
content under a new time is no news; what arrived while nobody looked is told at the next look; an
arrival that could not be told is told again. Only size and time are read at each look, the content
when they changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tasks.atomic import write_json


@dataclass(frozen=True)
class Content:
    """What a file holds: its size in bytes, and the hash of its bytes."""

    size: int
    sha256: str


@dataclass
class Watched:
    """A source file. `record` keeps what was last told, across restarts."""

    project: str
    path: Path
    record: Path
    _seen: tuple[int, int] | None = field(default=None, init=False)
    _told_at: tuple[int, int] | None = field(default=None, init=False)

    def look(self, tell: Callable[[Watched, Content], None]) -> bool:
        """Call `tell` with new content, once the file stands still; whether it did.

        Content that is seen for the first time is only remembered: it was there before.
        """
        stamp = _stamp(self.path)
        settled = stamp is not None and stamp == self._seen
        self._seen = stamp
        if not settled or stamp == self._told_at:
            return False
        content = _content(self.path)
        if content is None or _stamp(self.path) != stamp:
            return False
        before = self._recorded()
        news = before is not None and content.sha256 != before
        if news:
            tell(self, content)
        if before is None or news:
            self._keep(content)
        self._told_at = stamp
        return news

    def _recorded(self) -> str | None:
        try:
            return str(json.loads(self.record.read_text(encoding="utf-8"))["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _keep(self, content: Content) -> None:
        write_json(self.record, asdict(content))


def watched(project: str, source: Path, home: Path) -> Watched:
    """The source file of a project, with its record in the home."""
    return Watched(project, source, home / "projects" / project / "arrived.json")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _content(path: Path) -> Content | None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Content(file.tell(), digest)
    except OSError:
        return None
