"""Which code and which libraries a run used.

Guarantees: a commit is named together with whether the tree was changed since, and the change
itself is kept; outside a repository that is said, not guessed.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

_LONGEST_DIFF = 1_000_000


@dataclass(frozen=True)
class CodeVersion:
    """A repository at a moment. `diff` is empty on a clean tree; None is 'no repository'."""

    commit: str | None
    dirty: bool
    diff: str

    @property
    def text(self) -> str:
        """The commit, short, and whether the tree differs from it."""
        if self.commit is None:
            return "not in a git repository"
        return self.commit[:12] + (" with changes" if self.dirty else "")


def code_version(folder: Path) -> CodeVersion:
    """The commit and the uncommitted changes of the repository that holds `folder`."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return CodeVersion(commit=None, dirty=False, diff="")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=normal") or ""
    diff = (_git(folder, "diff", "HEAD") or "") if changed else ""
    return CodeVersion(commit=commit.strip(), dirty=bool(changed), diff=diff[:_LONGEST_DIFF])


@cache
def installed_libraries() -> dict[str, str]:
    """Every installed distribution and its version, sorted by name."""
    found = {str(d.metadata["Name"]).lower(): d.version for d in distributions()}
    return dict(sorted(found.items()))


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(folder), *words],  # noqa: S607 - git is found on the PATH
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
