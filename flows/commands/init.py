"""`assayline init`: profile a dataset and write a starter project.

Guarantee: a file that exists is never written over.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from tasks.errors import NotFoundError, UnavailableError, UsageError
from tasks.starter import propose_project


def command(options: argparse.Namespace) -> int:
    """Write the project file, and say what was guessed and what to do next."""
    data, out = Path(options.data), Path(options.out)
    if out.exists():
        raise UsageError(f"{out} exists and is not written over; name another file with --out")
    if not data.exists():
        raise NotFoundError(f"no data file at {data}; name a CSV or Parquet file")
    if not out.parent.is_dir():
        raise NotFoundError(
            f"no folder {out.parent} to write {out.name} in; make it, or name another"
        )
    starter = propose_project(data, _relative(data, out), options.target, options.positive)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(starter.text)
    except FileExistsError:
        raise UsageError(f"{out} exists and is not written over; name another file") from None
    except OSError as failure:
        raise UnavailableError(f"cannot write {out}: {failure.strerror}") from None
    lines = [f"wrote {out}", *(f"  {note}" for note in starter.notes)]
    lines.append(
        f"read it, name the owners of its risks, then: assayline run {shlex.quote(str(out))}"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _relative(data: Path, out: Path) -> str:
    """The data file as the project file names it: relative to its own folder."""
    try:
        return Path(os.path.relpath(data.resolve(), out.resolve().parent)).as_posix()
    except ValueError:  # another drive
        return data.resolve().as_posix()
