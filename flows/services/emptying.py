"""Files and folders of a home deleted so that a kill at any moment leaves nothing half-deleted.

Guarantees: what is deleted is first moved into a folder `.deleted` beside it, which no reader looks
into, and is emptied by this deletion or by the next; a log that is open for appending is cut in
place, so that its writers go on at its end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

ASIDE = ".deleted"
LOG_LIMIT = 10_000_000
LOG_KEPT = 5_000_000


def bytes_of(path: Path) -> int:
    """The bytes of a file, or of all files below a folder; what vanishes meanwhile counts zero."""
    total = 0
    for one in _files(path):
        with contextlib.suppress(OSError):
            total += one.lstat().st_size
    return total


def age_days(path: Path, now: float) -> float:
    """The days since a file, or anything in a folder, was last written."""
    newest = path.lstat().st_mtime
    for one in _files(path):
        with contextlib.suppress(OSError):
            newest = max(newest, one.lstat().st_mtime)
    return (now - newest) / 86400


def set_aside(path: Path) -> Path:
    """Move a file or folder to where no reader finds it; returns its new place."""
    place = path.parent / ASIDE / path.name
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        remove(place)
    path.rename(place)
    return place


def left_aside(folder: Path) -> list[Path]:
    """What was moved aside in a folder and is still there."""
    return sorted((folder / ASIDE).glob("*"))


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clear_aside(folders: Iterable[Path]) -> None:
    """Delete what was moved aside in folders, and the place itself."""
    for folder in folders:
        for one in left_aside(folder):
            remove(one)
        with contextlib.suppress(OSError):
            (folder / ASIDE).rmdir()


def cut_log(path: Path, kept: int = LOG_KEPT) -> None:
    """Leave the last `kept` bytes of a log, from the beginning of a line on.

    A writer that appends goes on at the new end; what it writes while the log is cut is kept but
    for the moment between the last reading and the cut.
    """
    with path.open("r+b") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - kept, 0))
        file.readline()
        tail = file.read()
        file.seek(0)
        file.write(tail)
        file.flush()
        file.truncate(len(tail))


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)
