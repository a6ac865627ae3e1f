"""Which code and which libraries a run used, complete enough to have that code again.

Guarantees: a commit is named together with whether the tree was changed since; the change itself
is kept, new files of code included, and applied to the commit it gives the same code; a change
that is too long to keep is said to be cut, not passed off as whole; outside a repository that is
said, not guessed; a file whose name says that it holds secrets is not kept. The repository is only
read: its index and its objects stay as they are.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

CODE_SUFFIXES = (".py", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".j2", ".html", ".css")
"""What counts as code in a change; data has its own fingerprint and its own copy."""

SECRET_WORDS = frozenset(
    {"secret", "secrets", "credential", "credentials", "password", "passwords", "passwd"}
)
"""What no file or folder of code has in its name; nor does such a name begin with `.env`."""

LONGEST_DIFF = 1_000_000
_NOT_STATE = ":(exclude,glob)**/.assayline/**"
_AS_PATCH = (
    *("--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv"),
    *("--no-color", "--src-prefix=a/", "--dst-prefix=b/"),
)
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_SECONDS = 30


@dataclass(frozen=True)
class CodeVersion:
    """A repository at a moment. `commit` is None where there is no repository.

    `patch` is what git applies to the commit to have the code of that moment: empty on a clean
    tree, and only the beginning of it where it is `cut`.
    """

    commit: str | None
    dirty: bool
    patch: bytes
    cut: bool = False

    @property
    def text(self) -> str:
        """The commit, short, and whether the tree differs from it."""
        if self.commit is None:
            return "not in a git repository"
        return self.commit[:12] + (" with changes" if self.dirty else "")


NO_REPOSITORY = CodeVersion(commit=None, dirty=False, patch=b"")


def code_version(folder: Path) -> CodeVersion:
    """The commit and the uncommitted changes of the repository that holds `folder`."""
    root = repository_of(folder)
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if root is None or commit is None:
        return NO_REPOSITORY
    status = ("status", "--porcelain", "--untracked-files=normal", "--", ".", _NOT_STATE)
    dirty = bool(_git(root, *status))
    patch, cut = _changes(root) if dirty else (b"", False)
    return CodeVersion(commit.decode().strip(), dirty, patch, cut)


def own_code_version(package: Path) -> CodeVersion:
    """The version of the checkout that the imported `package` folder belongs to.

    An installed package may lie inside some repository, in its virtual environment: that
    repository's commit says nothing about the package.
    """
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return NO_REPOSITORY
    return code_version(package)


def repository_of(folder: Path) -> Path | None:
    """The top folder of the repository that holds `folder`, if there is one."""
    found = _git(folder, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(found.rstrip(b"\n"))) if found else None


def keeps(root: Path, path: Path) -> bool:
    """Whether the repository at `root` holds something at `path`, or something new, not ignored."""
    listed = ("ls-files", "--cached", "--others", "--exclude-standard", "--", str(path))
    return bool(_git(root, "--literal-pathspecs", *listed))


def git_environment() -> dict[str, str]:
    """The environment for git, in which the folder says which repository it is, even in a hook."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    return {**kept, "GIT_OPTIONAL_LOCKS": "0"}


@cache
def installed_libraries() -> dict[str, str]:
    """Every installed distribution and its version, sorted by name."""
    found = {str(d.metadata["Name"]).lower(): d.version for d in distributions()}
    return dict(sorted(found.items()))


def _changes(root: Path) -> tuple[bytes, bool]:
    """The uncommitted changes of code as one diff against HEAD, and whether they were cut.

    They are staged in an index of their own, which is how git compares new files too.
    """
    tracked = _code(_git(root, "diff", "HEAD", "--name-only", "--no-renames", "-z"))
    new = _code(_git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", _NOT_STATE))
    too_long = sum((root / name).stat().st_size for name in new) > LONGEST_DIFF
    names = tracked if too_long else [*tracked, *new]
    if not names:
        return b"", too_long
    with tempfile.TemporaryDirectory(prefix="assayline-") as folder:
        scratch = _scratch_index(root, Path(folder))
        given = b"\0".join(os.fsencode(name) for name in names)
        listed = ("--pathspec-from-file=-", "--pathspec-file-nul")
        add = ("--literal-pathspecs", "add", "-A", *listed)
        added = _git(root, *add, environment=scratch, given=given)
        diff = _git(root, "diff", *_AS_PATCH, "--cached", "HEAD", environment=scratch)
    if added is None or diff is None:
        return b"", True
    return diff[:LONGEST_DIFF], too_long or len(diff) > LONGEST_DIFF


def _code(listed: bytes | None) -> list[str]:
    """Names that end like code, secrets aside, of a list that git separated by NUL."""
    names = [os.fsdecode(name) for name in (listed or b"").split(b"\0") if name]
    return [name for name in names if name.endswith(CODE_SUFFIXES) and not _is_secret(name)]


def _is_secret(name: str) -> bool:
    """Whether a path says that there are secrets, such as `.env.yaml` and `config/secrets.toml`."""
    parts = name.lower().split("/")
    words = {word for part in parts for word in re.split(r"[^a-z]+", part)}
    return not words.isdisjoint(SECRET_WORDS) or any(part.startswith(".env") for part in parts)


def _scratch_index(root: Path, folder: Path) -> dict[str, str]:
    """HEAD as an index, with a place of its own for new objects, as git's environment."""
    objects = _git(root, "rev-parse", "--git-path", "objects") or b""
    (folder / "objects").mkdir()
    environment = {
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(root / os.fsdecode(objects.rstrip(b"\n"))),
    }
    _git(root, "read-tree", "HEAD", environment=environment)
    return environment


def _git(
    folder: Path,
    *words: str,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> bytes | None:
    """What git says, or None where it fails or is not there."""
    command: Sequence[str] = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            command,
            input=given,
            capture_output=True,
            env={**git_environment(), **(environment or {})},
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
