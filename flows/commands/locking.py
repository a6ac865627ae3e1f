"""One command at a time changes what people said.

Guarantees: a command waits for the one before it; two commands never wait for each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from tasks.errors import UsageError


@contextlib.contextmanager
def locked(*folders: Path) -> Iterator[None]:
    """Keep other commands from changing labels or tags in the folders, which are made.

    Raises UsageError for one that cannot be.
    """
    with contextlib.ExitStack() as opened:
        places = {}
        for folder in folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                handle = os.open(folder, os.O_RDONLY)
            except OSError as failure:
                raise UsageError(f"no labels can be kept in {folder}: {failure}") from None
            opened.callback(os.close, handle)
            # One folder by two names is locked once, else this would wait for itself.
            places[os.fstat(handle).st_dev, os.fstat(handle).st_ino] = handle
        # In the same order everywhere, so that no two commands wait for each other.
        for place in sorted(places):
            fcntl.flock(places[place], fcntl.LOCK_EX)
        yield
