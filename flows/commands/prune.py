"""`assayline prune`: what the retention of the projects does not keep is deleted.

Guarantees: what a decision rests on is never deleted; `--dry-run` changes nothing; exit code 6
where a ledger, a run's records or MLflow could not be read, with what was kept for it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.commands.interruption import terminating
from flows.services.home import configure_environment, resolve_home
from flows.terminal import print_json
from tasks import moments
from tasks.errors import UsageError
from tasks.project import load_project
from tasks.project.loading import LoadedProject

_PATIENCE = 300.0
"""Seconds to wait for the runs that use the home; one that starts meanwhile is waited for too."""


def command(options: argparse.Namespace) -> int:
    """Delete, and say what was deleted and what was kept."""
    loaded = [load_project(Path(one)) for one in options.projects]
    home = _home(loaded)
    configure_environment(home)
    from flows.services.retention import prune

    with terminating():
        done = prune(
            home,
            {one.project.name: one.project.retention for one in loaded},
            dry_run=options.dry_run,
            patience=_PATIENCE,
            now=moments.now(),
        )
    if options.json:
        print_json(done.to_document())
    else:
        sys.stdout.write(done.to_text())
    for sentence in done.failed:
        sys.stderr.write(f"assayline: {sentence}\n")
    return 6 if done.failed else 0


def _home(loaded: Sequence[LoadedProject]) -> Path:
    """The one home of the projects; without any, that of this folder."""
    if not loaded:
        return resolve_home(Path.cwd() / "project.yaml")
    homes = {resolve_home(one.path): one.path for one in loaded}
    first, *others = homes
    if others:
        raise UsageError(
            f"{homes[first]} belongs to the home {first}, and {homes[others[0]]} to {others[0]}; "
            "name the projects of one home at a time"
        )
    return first
