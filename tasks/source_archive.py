"""Copies of the data files that runs read, under the hash of their content.

Guarantees: a copy is there whole or not at all, and holds the bytes that its folder's name says
when it is written and when a run is given it; a run that reads the copy reads one content, whatever
happens to the file meanwhile; a replay finds the data of then although the file has changed.

Layout: `<root>/<sha256>/<file name>`. Copies are read-only, so that no editor changes them by
mistake.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tasks.atomic import replaced
from tasks.errors import UnavailableError


def source_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def archived(root: Path, sha256: str, name: str) -> Path:
    """Where the copy of a file of that content and name lies or would lie."""
    return root / sha256 / name


def keep_source(source: Path, root: Path) -> Path:
    """The copy of `source` as it is now, made where there is none yet, or one that was changed.

    Raises UnavailableError when the file changes while it is copied.
    """
    sha256 = source_hash(source)
    place = archived(root, sha256, source.name)
    if place.is_file() and source_hash(place) == sha256:
        return place
    with replaced(place, durable=True) as part:
        shutil.copyfile(source, part)
        if source_hash(part) != sha256:
            raise UnavailableError(
                f"{source} changed while it was read; run again when it is written"
            )
        part.chmod(0o444)
    return place


def find_source(root: Path, sha256: str, name: str) -> Path:
    """The copy of a file that a run read; the caller compares its hash.

    Raises UnavailableError when it is not there.
    """
    place = archived(root, sha256, name)
    if not place.is_file():
        raise UnavailableError(
            f"the data of that run are not in this home: no copy of '{name}' with SHA-256 "
            f"{sha256}; put the file at {place}"
        )
    return place
