"""A file is written whole or not at all.

Guarantees: whoever reads finds the old content or the new, never a part; what is written in between
has a hidden name of its own, so that two writers do not meet, and is gone after a failure. What is
`durable` is on the disk before anybody finds it under its name, and the name outlasts a power cut.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """The file with this text, line ends as they are; folders that are missing are made."""
    with replaced(path, durable=durable) as part:
        part.write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, value: Any, *, indent: int | None = None, durable: bool = False) -> None:
    """The file with a value as JSON. Raises ValueError for a number that JSON does not know."""
    write_text(path, json.dumps(value, allow_nan=False, indent=indent), durable=durable)


@contextlib.contextmanager
def replaced(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A new file to fill, which then takes the place of `path`; on a failure `path` is as it was.

    A file that was there hands on its permissions.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        if path.exists():
            part.chmod(stat.S_IMODE(path.stat().st_mode))
        if durable:
            _sync(part)
        part.replace(path)
        if durable:
            _sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
