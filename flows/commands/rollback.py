"""`assayline rollback`: an earlier champion serves again, if it still is what it was.

Guarantees: the alias is first put where the ledger says, as by every command; a real rollback names
who wants it and why; a refusal says the reason and ends with exit code 4.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.history import has_records
from flows.services.home import resolve_home
from flows.terminal import print_json
from tasks.errors import NotFoundError, UsageError
from tasks.moments import timestamp
from tasks.project import load_project

if TYPE_CHECKING:
    from tasks.rollback import Rollback


def command(options: argparse.Namespace) -> int:
    """Check an earlier version and, unless it is a drill, make it the champion again."""
    if not options.drill and not (options.reason or "").strip():
        raise UsageError(
            "a rollback needs a reason for the ledger, for example: assayline rollback "
            f'{options.project} --reason "complaints since Monday" (a --drill needs none)'
        )
    done, repaired = carry_out(
        Path(options.project),
        to_version=options.to,
        drill=options.drill,
        who=options.name or login_name(),
        why=(options.reason or "").strip(),
        allow_imports=options.allow_imports,
    )
    if repaired:
        sys.stderr.write(f"assayline: {repaired}\n")
    if options.json:
        print_json(done.to_document())
    if done.refusal is not None:
        sys.stderr.write(f"assayline: {done.sentence}\n")
    elif not options.json:
        sys.stdout.write(f"{done.sentence}\n")
    return 0 if done.refusal is None else 4


def carry_out(
    project: Path,
    *,
    to_version: str | None = None,
    drill: bool,
    who: str,
    why: str,
    allow_imports: Sequence[str] = (),
    home: Path | None = None,
) -> tuple[Rollback, str | None]:
    """Roll a project back, or try it; also the sentence of the alias' repair, if there was one."""
    loaded = load_project(project)
    place, name = home or resolve_home(loaded.path), loaded.project.name
    if not has_records(place, name):
        raise NotFoundError(
            f"{name} has no model in {place}, so there is nothing to go back to; run it first"
        )
    from tasks.ledger import open_ledger
    from tasks.models import declared_types
    from tasks.rollback import Request, roll_back
    from tasks.serving import repair_champion
    from tasks.tracking import Tracking

    now = timestamp()
    request = Request(
        to_version=to_version,
        drill=drill,
        who=who,
        why=why,
        when=now,
        extra_types=declared_types(loaded.project.training.candidates, allow_imports),
    )
    tracking = Tracking(place)
    ledger = open_ledger(place, tracking, name)
    champion = ledger.champion()
    target = to_version or (ledger.replaced_by(champion) if champion else None)
    repaired = repair_champion(tracking, ledger, "", now, None if drill else target)
    return roll_back(request, tracking, ledger), repaired


def login_name() -> str:
    """Who is logged in, or the user's number where the system has no name for it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"user {os.getuid()}"
