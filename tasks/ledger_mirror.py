"""What a home has seen of a ledger: one JSON line an entry, and how many it has ever seen.

Guarantees: the mirror only grows, and only by entries that follow what it holds; one that was
deleted or shortened is begun or filled anew, and that it was is kept beside it until a person takes
it away.

Layout: `<project>.jsonl`, and `<project>.seen` with `begun`, the entries that the store held when
the mirror was begun, `seen`, the most that the mirror has held, and `lost`, the most that were ever
missing from it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from tasks.atomic import write_json
from tasks.errors import UnavailableError

_NOTHING = {"begun": 0, "seen": 0, "lost": 0}


def mirrored(mirror: Path) -> list[str]:
    """The texts that a home has seen; a last line without its end (a killed write) is none."""
    try:
        return mirror.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    except FileNotFoundError:
        return []


def extend_mirror(mirror: Path, project: str, texts: Sequence[str]) -> None:
    """Add the entries that are new. Raises UnavailableError where the store lost or changed one."""
    seen = mirrored(mirror)
    if list(texts[: len(seen)]) != seen:
        pairs = zip(seen, [*texts, *[None] * len(seen)], strict=False)
        place = next(number for number, (old, new) in enumerate(pairs, 1) if old != new)
        raise UnavailableError(
            f"the ledger of {project} has {len(texts)} entries in the store, this home has seen "
            f"{len(seen)}, and they differ from entry {place} on; restore the store from a backup, "
            f"or move {mirror} and the file .seen beside it aside if the store is the right one"
        )
    known = _counts(mirror)
    counts = known or {**_NOTHING, "begun": 0 if mirror.exists() else len(texts)}
    lost = max(counts["lost"], counts["seen"] - len(seen))
    counts = {**counts, "lost": lost, "seen": max(counts["seen"], len(texts))}
    # The mirror first: a count that is behind it is none the worse, one ahead says that it is cut.
    if len(texts) > len(seen):
        _append(mirror, texts[len(seen) :])
    if counts != known:
        write_json(_counted(mirror), counts)


def mirror_loss(mirror: Path, runs_here: Sequence[bool]) -> str | None:
    """Whether the mirror was deleted or shortened, in a sentence; `None` where it was not.

    `runs_here` tells of each entry whether this home has the folder of its run.
    """
    counts, path = _counts(mirror), _counted(mirror)
    held = len(mirrored(mirror))
    if counts is None:
        own = 0 if mirror.exists() else sum(runs_here)
        told = f"it is not there, and {own} entries are of runs of this home" if own else ""
    else:
        lost = max(counts["lost"], counts["seen"] - held)
        own = sum(runs_here[: counts["begun"]])
        told = (
            f"{lost} entries that it held were missing from it at one time"
            if lost
            else f"it was begun when the store held {counts['begun']} entries, and {own} of them "
            "are of runs of this home"
            if own
            else ""
        )
    if not told:
        return None
    return (
        f"the mirror {mirror} was deleted or moved aside, or was shortened: {told}; what it said "
        "of them is lost, so compare the ledger with another home's or a backup, then delete "
        f"{path} to go on with the mirror as it is"
    )


def _counts(mirror: Path) -> dict[str, int] | None:
    """What was counted; None where nothing readable was: an older version counted nothing."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(_counted(mirror).read_text(encoding="utf-8"))
        return {name: int(found[name]) for name in _NOTHING}
    return None


def _counted(mirror: Path) -> Path:
    return mirror.with_suffix(".seen")


def _append(mirror: Path, texts: Sequence[str]) -> None:
    with mirror.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write("".join(f"{text}\n" for text in texts).encode())
        file.flush()
        os.fsync(file.fileno())
