"""From a project file to a Prefect deployment: its form, its schedule, what starts it by itself.

Guarantees: deploying again changes only what the project file changed: a schedule that somebody
paused stays paused, and schedules that were added in the UI stay; a project never takes over the
deployment of another one of the same name; what is not served any more is not started any more.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    DeploymentSchedule,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType

from flows.pipeline import run
from tasks import moments
from tasks.errors import ProjectFileError, UsageError
from tasks.project.loading import LoadedProject
from tasks.project.operation_sections import ScheduleSection
from tasks.project.sections import Project

DATA_ARRIVED = "assayline.data.arrived"
ALARM = "assayline.alarm"
_OWN = "project file, "
"""How the name of the project file's own schedule begins, which the UI shows beside its switch."""
_ANCHOR = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
"""Intervals are counted from here, so that the times do not depend on when `up` was started."""


def resource_of(project: str) -> str:
    """The resource that an event is about, where it is about a project."""
    return f"assayline.project.{project}"


def deploy_project(client: SyncPrefectClient, loaded: LoadedProject, pool: str) -> UUID:
    """Register or update the deployment of a project, served by the workers of a pool.

    Raises UsageError where the name belongs to a deployment of another project file.
    """
    project = loaded.project
    begun = moments.now()
    wanted = _schedule(project)
    existing = find_deployment(client, project.name)
    if existing is not None:
        _require_same(existing, loaded, pool)
        _name_schedules(client, existing)
    deployment = RunnerDeployment.from_flow(
        run,
        name=project.name,
        parameters={"project": str(loaded.path)},
        description=_description(loaded),
        tags=["assayline", f"project:{project.name}"],
        triggers=_triggers(project),
        concurrency_limit=_limit(project),
        work_pool_name=pool,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    applied = UUID(str(deployment.apply()))
    times = _times(project.schedule) if project.schedule else ""
    _put_schedule(client, applied, wanted, f"{_OWN}{times}")
    # Prefect has deleted the runs to come, and would make them again from a moment later on.
    start = {"start_time": begun.isoformat()}
    client.request("POST", "/deployments/{id}/schedule", path_params={"id": applied}, json=start)
    return applied


def find_deployment(client: SyncPrefectClient, project: str) -> DeploymentResponse | None:
    """The deployment of a project; None where there is none."""
    try:
        return client.read_deployment_by_name(f"{run.name}/{project}")
    except ObjectNotFound:
        return None


def remove_others(
    client: SyncPrefectClient, pool: str, projects: Mapping[str, str | None]
) -> list[str]:
    """Remove the deployments of a pool that none of the projects needs; their names.

    `projects` maps each project file to its project's name; of one whose name is None, because the
    file cannot be read, whatever is deployed stays.
    """
    found = client.read_deployments(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[run.name])),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        limit=200,
    )
    others = [
        one
        for one in found
        if projects.get(str(one.parameters.get("project")), "") not in (one.name, None)
    ]
    for deployment in others:
        client.delete_deployment(deployment.id)
    return sorted(deployment.name for deployment in others)


def describe_schedule(project: Project) -> str:
    """When the project runs by itself, in a clause."""
    schedule = project.schedule
    if schedule is None:
        return "when it is asked to"
    occasions = [
        _times(schedule),
        "on new data" * schedule.on_new_data,
        "on an alarm" * schedule.on_alarm,
    ]
    return ", ".join(words for words in occasions if words)


def _times(schedule: ScheduleSection) -> str:
    if schedule.cron is not None:
        return f"at {schedule.cron} ({schedule.timezone})"
    minutes = schedule.interval_minutes
    return f"every {minutes:g} minutes" if minutes is not None else ""


def _require_same(existing: DeploymentResponse, loaded: LoadedProject, pool: str) -> None:
    there = existing.parameters.get("project")
    if there != str(loaded.path) or existing.work_pool_name != pool:
        raise UsageError(
            f"a deployment '{loaded.project.name}' is there already, for {there} in the work pool "
            f"{existing.work_pool_name}, and not for {loaded.path} in {pool}; give one of them "
            "another name, or delete the deployment in the UI"
        )


def _description(loaded: LoadedProject) -> str:
    said = loaded.project.description.strip()
    return f"{said}\n\n" * bool(said) + (
        "Tests the data, the labels and the model of this project; promotes the model only on "
        f"evidence. Project file: `{loaded.path}`"
    )


def _limit(project: Project) -> ConcurrencyLimitConfig | None:
    """One run at a time, the others queue; where they are skipped, the run itself sees to that."""
    if project.schedule is not None and project.schedule.overlap == "skip":
        return None
    return ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)


def _triggers(project: Project) -> list[Any]:
    """What starts the project besides its times."""
    schedule = project.schedule
    if schedule is None:
        return []
    started_by: list[tuple[bool, str, str, dict[str, Any]]] = [
        (schedule.on_new_data, DATA_ARRIVED, "new data", {}),
        (schedule.on_alarm, ALARM, "an alarm", {"intent": "refresh"}),
    ]
    return [
        DeploymentEventTrigger(
            name=f"{project.name}: run on {what}",
            description=f"The event {event} about {resource_of(project.name)} starts a run.",
            match={"prefect.resource.id": resource_of(project.name)},
            expect={event},
            parameters=parameters or None,
        )
        for wanted, event, what, parameters in started_by
        if wanted
    ]


def _name_schedules(client: SyncPrefectClient, existing: DeploymentResponse) -> None:
    """Give schedules that were added in the UI a slug: Prefect's update deletes them without."""
    for schedule in existing.schedules:
        if schedule.slug is None:
            client.update_deployment_schedule(
                existing.id, schedule.id, slug=f"added-{schedule.id.hex[:8]}"
            )


def _put_schedule(
    client: SyncPrefectClient,
    deployment: UUID,
    wanted: CronSchedule | IntervalSchedule | None,
    slug: str,
) -> None:
    """Make the deployment's own schedule that of the project file; paused stays paused."""
    found = [s for s in client.read_deployment_schedules(deployment) if _is_own(s)]
    if wanted is None:
        for schedule in found:
            client.delete_deployment_schedule(deployment, schedule.id)
        return
    if not found:
        made = DeploymentScheduleCreate(schedule=wanted, active=True, slug=slug)
        client.create_deployment_schedules(deployment, [made])
    elif found[0].schedule != wanted:
        client.update_deployment_schedule(deployment, found[0].id, schedule=wanted, slug=slug)


def _is_own(schedule: DeploymentSchedule) -> bool:
    return (schedule.slug or "").startswith(_OWN)


def _schedule(project: Project) -> CronSchedule | IntervalSchedule | None:
    declared = project.schedule
    if declared is None:
        return None
    if declared.cron is not None:
        try:
            return CronSchedule(cron=declared.cron, timezone=declared.timezone)
        except ValueError:
            raise ProjectFileError(
                f"schedule: Prefect takes no cron expression '{declared.cron}' with the time zone "
                f"'{declared.timezone}'; write numbers without L, W or #, and a zone such as "
                "Europe/Berlin"
            ) from None
    if declared.interval_minutes is not None:
        return IntervalSchedule(
            interval=datetime.timedelta(minutes=declared.interval_minutes),
            anchor_date=_ANCHOR,
            timezone=declared.timezone,
        )
    return None
