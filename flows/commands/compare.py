"""`assayline compare`: two runs or versions side by side."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from flows.commands.history import has_records
from flows.runs.compared_runs import find_run
from flows.runs.comparison import Scoring, compare_recorded
from flows.services.home import resolve_home
from flows.terminal import print_json
from tasks.errors import NotFoundError, UsageError
from tasks.project import load_project


def command(options: argparse.Namespace) -> int:
    """Print how run or version B differs from A."""
    loaded = load_project(Path(options.project))
    home, name = resolve_home(loaded.path), loaded.project.name
    if not has_records(home, name):
        raise NotFoundError(f"{name} has no runs in {home} yet; run the project first")
    from tasks.tracking import Tracking

    tracking = Tracking(home)
    with (
        find_run(options.before, name, home, tracking) as before,
        find_run(options.after, name, home, tracking) as after,
    ):
        if before.run_id == after.run_id:
            raise UsageError(
                f"{options.before} and {options.after} are one run, {before.run_id}; name two runs"
            )
        scoring = Scoring(tracking, loaded.project, tuple(options.allow_imports))
        comparison = compare_recorded(before, after, scoring)
    if options.json:
        print_json(comparison.to_document())
        return 0
    from tasks.reports.comparison import comparison_text

    width = min(shutil.get_terminal_size().columns, 110)
    sys.stdout.write(comparison_text(comparison, width))
    return 0
