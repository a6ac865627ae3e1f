"""Deleting what a home no longer needs.

Guarantees: where a ledger cannot be read no run of its project goes; evidence and data are emptied
only while no run uses the home; a run's folder is the last of it to go, so that whatever cuts a
deletion off, the next one still knows what belonged to the run.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runs.known_runs import known_run, known_runs, recorded_retention
from flows.services.emptying import bytes_of, clear_aside, left_aside
from flows.services.locks import emptying, project_turn
from flows.services.pruned import Pruned
from flows.services.unneeded_files import (
    clear_evidence,
    empty_evidence,
    empty_temporary,
    trim_logs,
)
from tasks.errors import UnavailableError
from tasks.ledger import open_ledger
from tasks.project.operation_sections import RetentionSection
from tasks.project_state import ProjectState
from tasks.retention import Deciding, KnownRun, Reason, RunPlan, plan_runs
from tasks.run_folder import RunFolder

if TYPE_CHECKING:
    from tasks.tracking import StoredRun, Tracking

_TURN = ".prune"
"""No project can have this name."""


def prune(
    home: Path,
    asked: Mapping[str, RetentionSection],
    *,
    dry_run: bool,
    patience: float,
    now: datetime.datetime,
) -> Pruned:
    """Delete, or in a dry run count, what the retention of the projects does not keep.

    Without projects asked for, they are all that the home knows, by the retention in the record of
    their newest run. `patience` is how many seconds to wait for the runs that use the home. Raises
    UnavailableError where another deletion is at work there, or MLflow does not answer.
    """
    done = Pruned(home, dry_run)
    if not home.is_dir():
        return done
    with contextlib.ExitStack() as stack:
        if not dry_run and not stack.enter_context(project_turn(home, _TURN, lambda: False)):
            raise UnavailableError(
                f"another 'assayline prune' is at work in {home}; wait until it is done"
            )
        runs = known_runs(home)
        tracking = _open_tracking(home) if runs or left_aside(home / "runs") else None
        _Pruning(home, tracking, now, patience, done).run(runs, asked)
    return done


@dataclass(frozen=True)
class _Pruning:
    home: Path
    tracking: Tracking | None
    now: datetime.datetime
    patience: float
    done: Pruned

    def run(self, runs: Sequence[KnownRun], asked: Mapping[str, RetentionSection]) -> None:
        """All kinds, one after the other."""
        retentions = self._retentions(runs, asked)
        # The ledgers are read after the folders were listed, so that no entry is missed.
        going = self._going(runs, retentions, tuple(asked or retentions))
        cut_off = [known_run(RunFolder(folder)) for folder in left_aside(self.home / "runs")]
        family = [one for run in (*going, *cut_off) for one in self._family(run)]
        for run in going:
            self.done.take("runs", self.home / "runs" / run.run_id, aside=True)
        self._delete_mlflow_runs(family)
        emptied = self._empty({run.run_id for run in going})
        empty_temporary(self.home, self.now.timestamp(), self.done)
        longest = max((one.days for one in retentions.values()), default=RetentionSection().days)
        trim_logs(self.home, longest, self.now, self.done)
        if emptied and not self.done.dry_run:
            clear_aside([self.home / "runs"])

    def _retentions(
        self, runs: Sequence[KnownRun], asked: Mapping[str, RetentionSection]
    ) -> dict[str, RetentionSection]:
        """The retention of every project that the home knows, where it can be told."""
        found = dict(asked)
        states = {one.name for one in (self.home / "projects").glob("[!.]*")}
        for name in sorted({*states, *(run.project for run in runs)} - {"", *asked}):
            own = [run for run in runs if run.project == name]
            try:
                found[name] = recorded_retention(self.home, own)
            except UnavailableError as failure:
                self.done.told.append(str(failure))
                self._keep({run.run_id: "unreadable" for run in own})
        return found

    def _going(
        self,
        runs: Sequence[KnownRun],
        retentions: Mapping[str, RetentionSection],
        projects: Sequence[str],
    ) -> list[KnownRun]:
        """The runs of projects to delete."""
        going: list[KnownRun] = []
        for project in projects:
            own = [run for run in runs if run.project == project]
            try:
                plan = plan_runs(own, retentions[project], self._deciding(project, own), self.now)
            except UnavailableError as failure:
                self.done.failed.append(f"no run of {project} was deleted: {failure}")
                plan = RunPlan((), {run.run_id: "unreadable" for run in own})
            going += plan.delete
            self.done.runs[project] = [run.run_id for run in plan.delete]
            self._keep(plan.kept)
        lost = [run for run in runs if not run.project]
        self._keep({run.run_id: "unreadable" for run in lost})
        self.done.told += [
            f"run {run.run_id} was kept: {run.problem}"
            for run in runs
            if run.problem and run.project in (*projects, "")
        ]
        return going

    def _keep(self, kept: Mapping[str, Reason]) -> None:
        for reason in kept.values():
            self.done.kept[reason] = self.done.kept.get(reason, 0) + 1

    def _deciding(self, project: str, runs: Sequence[KnownRun]) -> Deciding:
        if not runs or self.tracking is None:
            return Deciding()
        entries = open_ledger(self.home, self.tracking, project).entries()
        return Deciding(
            ledger=frozenset(entry.run_id for entry in entries),
            versions=self.tracking.runs_of_versions(project),
            verdicts=ProjectState(self.home / "projects" / project).decided_runs(),
        )

    def _family(self, run: KnownRun) -> list[StoredRun]:
        """The MLflow runs of a run."""
        if self.tracking is None or not run.project:
            return []
        found = run.mlflow_run or self.tracking.find_run(run.project, run.run_id)
        return self.tracking.run_family(found, run.run_id) if found else []

    def _delete_mlflow_runs(self, family: Sequence[StoredRun]) -> None:
        if self.tracking is None or not family:
            return
        for run in family:
            self.done.count("MLflow runs", bytes_of(run.folder) if run.folder else 0)
        if not self.tracking.deletes_for_good:
            self.done.told.append(
                "the MLflow server only marks runs as deleted: they and their artifacts are gone "
                "when its own 'mlflow gc' has run"
            )
        if not self.done.dry_run:
            self.tracking.delete_runs(family)

    def _empty(self, going: set[str]) -> bool:
        """Evidence and data; whether that was done."""
        dry = self.done.dry_run
        try:
            with contextlib.nullcontext() if dry else emptying(self.home, self.patience):
                empty_evidence(self.home, going, self.now.timestamp(), self.done)
        except UnavailableError as failure:
            self.done.failed.append(f"evidence and data stay for the next prune: {failure}")
            return False
        if not dry:
            clear_evidence(self.home)
        return True


def _open_tracking(home: Path) -> Tracking:
    from tasks.tracking import Tracking

    return Tracking(home)
