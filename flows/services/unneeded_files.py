"""Files of a home that nothing needs any more: evidence, data, leftovers, logs.

Guarantees: evidence and data that a remaining run of any project names stay, and all of them stay
where one run's records cannot be read.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from pathlib import Path

from flows.runs.known_runs import named_by
from flows.services.emptying import (
    ASIDE,
    LOG_KEPT,
    LOG_LIMIT,
    age_days,
    clear_aside,
    cut_log,
    left_aside,
)
from flows.services.pruned import Pruned
from tasks.errors import UnavailableError
from tasks.held_folders import is_left_behind
from tasks.retention import GRACE_DAYS, Named, log_is_old, may_go
from tasks.run_folder import RunFolder, run_folders


def empty_evidence(home: Path, going: Collection[str], now: float, done: Pruned) -> None:
    """Evidence and data; call it while no run uses the home.

    `going` are the runs that a dry run would delete. Raises UnavailableError where it cannot be
    told what a remaining run names.
    """
    named, released = Named(), _released([RunFolder(one) for one in left_aside(home / "runs")])
    for folder in run_folders(home):
        if folder.run_id in going:
            released |= _released([folder])
        else:
            named |= named_by(folder)
    for place in sorted((home / "evidence").glob("[!.]*/[!.]*")):
        name = (place.parent.name, place.name)
        if _goes(place, name, named.evidence, released.evidence, now):
            done.take("evidence", place, aside=True)
    for place in sorted((home / "sources").glob("[!.]*")):
        if _goes(place, place.name, named.sources, released.sources, now):
            done.take("data", place, aside=True)
    # What runs that were killed while they wrote left.
    for leftover in sorted((home / "evidence").glob("[!.]*/.*")):
        if leftover.name != ASIDE:
            done.take("temporary files", leftover)


def clear_evidence(home: Path) -> None:
    """Delete what `empty_evidence` moved aside, now or when it was cut off."""
    stages = [one for one in (home / "evidence").glob("[!.]*") if one.is_dir()]
    clear_aside([*stages, home / "sources"])


def empty_temporary(home: Path, now: float, done: Pruned) -> None:
    """What commands that were killed left behind: at once where that is known, else after a day."""
    for place in sorted((home / "tmp").glob("*")):
        if is_left_behind(place) or age_days(place, now) > GRACE_DAYS:
            done.take("temporary files", place)


def trim_logs(home: Path, days: float, now: datetime.datetime, done: Pruned) -> None:
    """Dated logs older than `days`, and the beginning of undated ones that are too large."""
    for path in sorted((home / "logs").glob("*")):
        size = path.stat().st_size
        if log_is_old(path.name, days, now):
            done.take("logs", path)
        elif path.suffix == ".log" and size > LOG_LIMIT:
            done.count("logs", size - LOG_KEPT)
            if not done.dry_run:
                cut_log(path)


def _goes(
    place: Path, name: object, named: Collection[object], released: Collection[object], now: float
) -> bool:
    # The age of a folder takes a look at all of its files, and most are named.
    return name not in named and may_go(name, age_days(place, now), named, released)


def _released(folders: Collection[RunFolder]) -> Named:
    """What deleted runs named; one whose folder is half gone was through with it."""
    found = Named()
    for folder in folders:
        try:
            found |= named_by(folder)
        except UnavailableError:
            continue
    return found
