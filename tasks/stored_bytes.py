"""Whether stored files still hold the bytes that were written: their SHA-256, by name.

Guarantees: every file below a folder is covered; a file is hashed once as long as the operating
system says that nobody wrote to it; one that is missing is told apart from one that was changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

_REMEMBERED = 4096


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file. Raises FileNotFoundError where there is none."""
    seen = path.stat()
    # The time of the last change of a file cannot be set by hand, as that of its content can.
    return _hash(str(path), seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def hash_files(folder: Path) -> dict[str, str]:
    """The hash of each file below a folder, by its path from there; hidden ones do not count."""
    files = sorted(path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}


def changed_file(folder: Path, name: str, recorded: Mapping[str, str]) -> str | None:
    """Why a file is not the one that was recorded under its name, as a clause; None where it is."""
    if name not in recorded:
        return f"{name} is not in its record"
    try:
        found = file_hash(folder / name)
    except FileNotFoundError:
        return f"{name} is gone"
    if found == recorded[name]:
        return None
    return f"{name} has the SHA-256 {found[:12]} and was stored with {recorded[name][:12]}"


@lru_cache(maxsize=_REMEMBERED)
def _hash(path: str, _number: int, _size: int, _written: int, _changed: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
