"""`assayline predict`: the champion's answers to the rows of a file.

Guarantees: a model answers only if its files are those that were judged; the file of answers is
there whole or not at all; what has no answer is said on standard error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.history import has_records
from flows.services.home import resolve_home
from tasks.atomic import replaced
from tasks.errors import NotFoundError, UnavailableError, UsageError
from tasks.project import load_project

if TYPE_CHECKING:
    import pandas as pd

_FORMS = (".csv", ".parquet")


def command(options: argparse.Namespace) -> int:
    """Predict the rows of a file, and write the answers."""
    out = None if options.out is None else Path(options.out)
    if out is not None and out.suffix.lower() not in _FORMS:
        raise UsageError(f"--out {out}: name a file that ends in {' or '.join(_FORMS)}")
    if out is not None and not out.parent.is_dir():
        raise NotFoundError(f"no folder {out.parent} to write {out.name} in; make it")
    loaded = load_project(Path(options.project))
    home, name = resolve_home(loaded.path), loaded.project.name
    if not Path(options.data).is_file():
        raise NotFoundError(f"no data file at {options.data}; name a CSV or Parquet file")
    if not has_records(home, name):
        raise NotFoundError(f"{name} has no model in {home}; run the project first")
    from tasks.ledger import open_ledger
    from tasks.models import declared_types
    from tasks.prediction import predict_file
    from tasks.registered_models import model_problem, read_version
    from tasks.tracking import Tracking

    tracking = Tracking(home)
    entries = open_ledger(home, tracking, name)
    version = options.version or entries.champion()
    if version is None:
        raise NotFoundError(f"{name} has no champion; name a version with --version")
    if version not in tracking.versions(name):
        known = ", ".join(tracking.versions(name)[-5:]) or "none"
        raise NotFoundError(f"{name} has no version {version}; its newest versions are: {known}")
    extra = declared_types(loaded.project.training.candidates, options.allow_imports)
    about = [e for e in entries.entries() if version in (e.candidate_version, e.to_version)]
    stored = read_version(tracking, name, version)
    digests = {entry.model_digest for entry in about} - {""}
    files = {entry.files_digest for entry in about} - {""}
    problem = model_problem(stored, digests, extra, files)
    if problem is not None:
        raise UnavailableError(f"nothing was predicted: {problem}")
    answers = predict_file(Path(options.data), loaded.project.source, stored.package, extra)
    for note in answers.notes:
        sys.stderr.write(f"assayline: {note}\n")
    _write(answers.frame, out)
    if out is not None:
        sys.stdout.write(f"{len(answers.frame):,} answers of version {version} are in {out}\n")
    return 0


def _write(frame: pd.DataFrame, out: Path | None) -> None:
    if out is None:
        frame.to_csv(sys.stdout, index=False)
        return
    with replaced(out) as part:
        if out.suffix.lower() == ".parquet":
            frame.to_parquet(part, index=False)
        else:
            frame.to_csv(part, index=False)
