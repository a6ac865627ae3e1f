"""A run of another home, opened for a signature: a shared MLflow server shares runs as well.

Guarantees: a run of the home itself is read where it lies; of another, the verdict and the page are
those that its MLflow run keeps, and have to name that run; the data are looked at where the given
project file says; nothing of it stays in this home.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runs.judged_run import JudgedRun, is_run_of, open_judged_run, read_verdict
from tasks.errors import NotFoundError, UnavailableError
from tasks.held_folders import held_folder
from tasks.label_review.files import overlay_path, ratings_path
from tasks.ledger import open_ledger
from tasks.project import load_project
from tasks.run_folder import PAGE, VERDICT, RunFolder

if TYPE_CHECKING:
    from tasks.project.loading import LoadedProject
    from tasks.tracking import Tracking


@contextlib.contextmanager
def reach_run(home: Path, run_id: str, project_file: Path) -> Iterator[JudgedRun]:
    """A run to sign: of the home, else of the home's MLflow store.

    Raises NotFoundError where there is no such run, or its data was refused; UnavailableError where
    its verdict or its page cannot be had as they were written.
    """
    if is_run_of(home, run_id) or not project_file.is_file():
        yield open_judged_run(home, run_id)
        return
    from tasks.tracking import Tracking

    loaded = load_project(project_file)
    name = loaded.project.name
    tracking = Tracking(home)
    known = re.fullmatch(r"[\w-]+", run_id) is not None
    mlflow_run = tracking.find_run(name, run_id) if known else None
    if mlflow_run is None:
        raise NotFoundError(
            f"no run {run_id} in {home / 'runs'}, and none of {name} in MLflow; name the project "
            "file with --project, if the run belongs to another project"
        )
    with held_folder(home / "tmp") as folder:
        yield _fetched(Path(folder), run_id, mlflow_run, home, loaded, tracking)


def _fetched(
    folder: Path,
    run_id: str,
    mlflow_run: str,
    home: Path,
    loaded: LoadedProject,
    tracking: Tracking,
) -> JudgedRun:
    name = loaded.project.name
    if tracking.download(mlflow_run, PAGE, folder) is None:
        raise UnavailableError(
            f"the MLflow run {mlflow_run} of run {run_id} keeps no decision page; wait until the "
            "run has ended, or sign in the home that ran it"
        )
    tracking.download(mlflow_run, VERDICT, folder)
    verdict = read_verdict(RunFolder(folder), run_id)
    said = (verdict.core["project"], verdict.beside["run_id"], verdict.beside["mlflow_run_id"])
    if said != (name, run_id, mlflow_run):
        raise UnavailableError(
            f"the verdict in the MLflow run {mlflow_run} is that of run {said[1]} of {said[0]}, "
            f"and not of run {run_id} of {name}; nothing was signed: run the project again"
        )
    ledger = open_ledger(home, tracking, name)
    places = (loaded.source_path, overlay_path(loaded), ratings_path(loaded))
    return JudgedRun(run_id, RunFolder(folder), verdict, tracking, ledger, *places)
