"""May this flow run do its work now? Late runs and runs that meet another of their project.

Guarantees: a run that was not started by a schedule is never late; what is not run is skipped with
the reason, and ends as such; of two runs of a project in one home one works and the other waits, or
is skipped, as the project says.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import FlowRunContext

from flows.runs import progress
from flows.services.locks import project_turn
from tasks import moments
from tasks.project.operation_sections import ScheduleSection
from tasks.project.sections import Project

_MOST = 200


@contextlib.contextmanager
def admitted(project: Project, home: Path) -> Iterator[str | None]:
    """The turn of a run of the project: None, or the sentence by which it is skipped."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    schedule = project.schedule
    late = _lateness(run, schedule) if run and schedule else None
    if late is not None:
        yield late
        return
    with project_turn(home, project.name, _Waiting(project, run)) as taken:
        yield (
            None
            if taken
            else (
                f"skipped: another run of {project.name} is at work, and schedule.overlap is skip"
            )
        )


def judge_lateness(
    schedule: ScheduleSection,
    due: datetime.datetime,
    now: datetime.datetime,
    later: Sequence[datetime.datetime],
) -> str | None:
    """Why a scheduled run that was due at `due` is not run at `now`; None where it is.

    `later` are the times of the schedule's runs after this one; those that are not due yet do not
    count.
    """
    behind = (now - due).total_seconds() / 60
    if behind <= schedule.late_minutes or schedule.late == "all":
        return None
    said = f"skipped: due at {due:%Y-%m-%d %H:%M} UTC and {_duration(behind)} late"
    if schedule.late == "none":
        return f"{said}; schedule.late is none"
    passed = [time for time in later if due < time <= now]
    if not passed:
        return None
    return f"{said}; the run due at {max(passed):%Y-%m-%d %H:%M} UTC takes its place"


class _Waiting:
    """Whether a run waits for the one before it: a person's run does, and says so once."""

    def __init__(self, project: Project, run: FlowRun | None) -> None:
        self._name = project.name
        scheduled = run is not None and run.auto_scheduled
        self._waits = not (scheduled and project.schedule and project.schedule.overlap == "skip")
        self._said = False

    def __call__(self) -> bool:
        if self._waits and not self._said:
            progress.active().say(f"another run of {self._name} is at work; waiting for its end")
            progress.active().doing("waiting for another run of the project")
            self._said = True
        return self._waits


def _lateness(run: FlowRun, schedule: ScheduleSection) -> str | None:
    due = run.expected_start_time
    if not run.auto_scheduled or due is None or run.deployment_id is None:
        return None
    now = moments.now()
    if judge_lateness(schedule, due, now, [now]) is None:
        return None  # on time, or every run is made up for: nothing to ask
    with get_client(sync_client=True) as client:
        later = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[run.deployment_id])),
            flow_run_filter=FlowRunFilter.model_validate(
                {"expected_start_time": {"after_": due, "before_": now}}
            ),
            limit=_MOST,
        )
    times = [one.expected_start_time for one in later if _counts(one, run)]
    return judge_lateness(schedule, due, now, [time for time in times if time is not None])


def _counts(other: FlowRun, run: FlowRun) -> bool:
    """Whether another run of the schedule takes this one's place, and nobody cancelled it."""
    cancelled = other.state is not None and other.state.type == StateType.CANCELLED
    return other.id != run.id and other.auto_scheduled and not cancelled


def _duration(minutes: float) -> str:
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.1f} hours"
