"""The code of a recorded run, checked out again: its commit and what was changed since.

Guarantees: the user's own checkout is not touched; the temporary worktree is removed whatever
happens; nothing is installed; what cannot be rebuilt exactly is refused, not approximated.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import tasks
from flows.runs.recording import Record
from tasks.errors import UnavailableError
from tasks.lineage import git_environment, own_code_version, repository_of
from tasks.local_packages import local_folders, local_sources, recorded_sources
from tasks.replay_steps import source_differences
from tasks.verdict_document import code_hash

OWN = Path(tasks.__file__).resolve().parents[1]
"""The folder that this Assayline is imported from."""

_HASH = "from tasks.verdict_document import code_hash; print(code_hash())"


@contextlib.contextmanager
def code_of_then(record: Record, place: Path) -> Iterator[Path]:
    """The folder whose Assayline has the source hash of the record: this one, or one rebuilt.

    Raises UnavailableError where it cannot be rebuilt, or not exactly.
    """
    wanted, own = str(record.judged.hashes["code"]), record.run.own_code
    if code_hash() == wanted:
        yield OWN
        return
    instead = "--here replays with the code of today and names it as a difference"
    if own.commit is None or own_code_version(OWN / "tasks").commit is None:
        raise UnavailableError(
            f"the run was made with Assayline {record.run.assayline} (source {wanted[:12]}), this "
            f"is {version('assayline')} (source {code_hash()[:12]}), and only a checkout can go "
            f"back to a commit: install that version, or {instead}"
        )
    if own.cut:
        raise UnavailableError(
            f"the run was made from commit {own.commit[:12]} with changes too long to be kept, so "
            f"that its code cannot be rebuilt; {instead}"
        )
    root = repository_of(OWN) or OWN
    with worktree(root, own.commit, record.patch("assayline"), place) as tree:
        top = tree / OWN.relative_to(root)
        rebuilt = code_hash_in(top)
        if rebuilt != wanted:
            raise UnavailableError(
                f"the code rebuilt from commit {own.commit[:12]} has source hash {rebuilt[:12]}, "
                f"and that of the run has {wanted[:12]}: it is not the code of then; {instead}"
            )
        yield top


@contextlib.contextmanager
def imports_of_then(record: Record, project: Path, place: Path) -> Iterator[tuple[Path, ...]]:
    """The folders from which the project's own packages are imported, as they were then.

    They are those of today where the packages are the same. Raises UnavailableError where they
    cannot be rebuilt, or not exactly.
    """
    run, wanted = record.run, recorded_sources(record.run.environment)
    if wanted and local_sources(wanted) == wanted:
        yield local_folders(wanted)
        return
    commit, root = run.project_code.commit, repository_of(project)
    if not run.import_folders or commit is None:
        if wanted:
            raise _not_rebuilt(wanted, "it was not kept in the repository of the project")
        yield ()  # recorded before sources were
        return
    if root is None or run.project_code.cut:
        why = "is no git repository now" if root is None else "had changes too long to be kept"
        raise _not_rebuilt(wanted or run.allow_imports, f"{project} {why}")
    with worktree(root, commit, record.patch("project"), place) as tree:
        folders = tuple(tree / folder for folder in run.import_folders)
        rest = () if not wanted else local_folders(wanted)
        rebuilt = local_sources(wanted, [str(one) for one in (*folders, *rest)])
        if rebuilt != wanted:
            raise _not_rebuilt(
                wanted,
                f"commit {commit[:12]} gives another ({source_differences(wanted, rebuilt)})",
            )
        yield (*folders, *rest)


def _not_rebuilt(packages: Iterable[str], why: str) -> UnavailableError:
    return UnavailableError(
        f"the code of {', '.join(sorted(packages))}, which estimators came from, cannot be rebuilt "
        f"as it was: {why}; --here replays with the code of today and names it as a difference"
    )


@contextlib.contextmanager
def worktree(repository: Path, commit: str, patch: bytes, place: Path) -> Iterator[Path]:
    """A worktree of `repository` at `commit` with `patch` applied, for as long as the block lasts.

    Raises UnavailableError when the repository does not have the commit, or the patch does not
    apply to it.
    """
    if _git(repository, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise UnavailableError(
            f"the repository {repository} does not have the commit {commit} that the run was made "
            "with; fetch it"
        )
    try:
        # A hook of the user's would run on the checkout.
        add = ("-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--detach", "--quiet")
        made = _git(repository, *add, str(place), commit)
        if made.returncode:
            raise UnavailableError(f"git made no worktree of {commit[:12]}: {_said(made)}")
        if patch:
            applied = _git(place, "apply", "--whitespace=nowarn", "-", given=patch)
            if applied.returncode:
                raise UnavailableError(
                    f"the recorded changes do not apply to {commit[:12]}: {_said(applied)}"
                )
        yield place
    finally:
        _git(repository, "worktree", "remove", "--force", str(place))
        shutil.rmtree(place, ignore_errors=True)


def code_hash_in(root: Path) -> str:
    """The source hash of the Assayline in `root`, asked in a process of its own.

    Raises UnavailableError where that code cannot say.
    """
    done = subprocess.run(  # noqa: S603 - our own words, our own interpreter
        [sys.executable, "-c", _HASH],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UnavailableError(f"the code of that run cannot be imported: {last}")
    return done.stdout.strip()


def _git(folder: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - fixed words, no shell
        ["git", "-C", str(folder), *words],  # noqa: S607 - git is found on the PATH
        input=given,
        capture_output=True,
        env=git_environment(),
        check=False,
    )


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
