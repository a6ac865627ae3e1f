"""Temporary folders that say whether their process still lives.

Guarantees: a folder is held by a lock of the kernel's as long as its process uses it, so that one
that a kill left behind is known at once; after an ordinary end nothing is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "held-"


@contextlib.contextmanager
def held_folder(parent: Path) -> Iterator[Path]:
    """A new folder below `parent`, held until the end of the block, and then deleted."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent) as folder:
        # Not inherited: what a killed process started must not hold its folder.
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(folder)
        finally:
            os.close(handle)


def is_left_behind(folder: Path) -> bool:
    """Whether a folder was held by a process that is gone; of no other folder can that be told."""
    if not folder.name.startswith(PREFIX) or folder.is_symlink():
        return False
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
