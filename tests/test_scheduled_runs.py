"""Deployments and their scheduled runs on a real server; carried out here, not by a worker."""

import datetime
import sqlite3
import time
from pathlib import Path

import pytest
from browser import wait_for
from conftest import SMALL, write_small
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter
from prefect.client.schemas.sorting import FlowRunSort
from prefect.flow_engine import run_flow
from prefect.states import Pending

from flows import pipeline
from flows.services.deployments import deploy_project, remove_others
from flows.services.locks import project_turn
from flows.services.pools import base_job_template
from tasks.errors import ProjectFileError, UsageError
from tasks.project import load_project

POOL = "scheduled"
HOURLY = "schedule: {cron: '0 * * * *', late: LATE, overlap: OVERLAP}\n"


@pytest.fixture(scope="module")
def client(prefect_server):
    with get_client(sync_client=True) as client:
        template = base_job_template()
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type="process", base_job_template=template)
        )
        yield client


@pytest.fixture
def deploy(client, tmp_path, request):
    """Deploys a project of the test, with more in its file; again with other words in it."""
    name = request.node.name[:40].lower().translate(str.maketrans("[]_", "---")).strip("-")

    def deploy(more=""):
        path = write_small(tmp_path, name, f"{SMALL}{more}")
        return deploy_project(client, load_project(path), POOL)

    yield deploy
    remove_others(client, POOL, {})


def schedules(client, deployment):
    found = client.read_deployment_schedules(deployment)
    return sorted((schedule.schedule.cron, schedule.active) for schedule in found)


class TestDeployments:
    def test_a_name_that_another_project_has_is_refused(self, client, deploy, tmp_path):
        deploy()
        other = tmp_path / "other"
        other.mkdir()
        name = load_project(tmp_path / "project.yaml").project.name
        path = write_small(other, name)
        with pytest.raises(UsageError, match=rf"a deployment '{name}' is there already, for /"):
            deploy_project(client, load_project(path), POOL)

    def test_a_paused_schedule_stays_paused_when_its_time_changes(self, client, deploy):
        deployment = deploy("schedule: {cron: '0 2 * * *'}\n")
        (schedule,) = client.read_deployment_schedules(deployment)
        client.update_deployment_schedule(deployment, schedule.id, active=False)
        assert deploy("schedule: {cron: '0 3 * * *', timezone: Europe/Berlin}\n") == deployment
        assert schedules(client, deployment) == [("0 3 * * *", False)]
        (schedule,) = client.read_deployment_schedules(deployment)
        assert schedule.schedule.timezone == "Europe/Berlin"

    def test_a_schedule_of_the_ui_stays_and_that_of_the_file_goes_with_it(self, client, deploy):
        from prefect.client.schemas.schedules import CronSchedule

        deployment = deploy("schedule: {cron: '0 2 * * *'}\n")
        client.create_deployment_schedules(deployment, [(CronSchedule(cron="5 5 * * *"), True)])
        deploy()
        assert schedules(client, deployment) == [("5 5 * * *", True)]

    def test_an_interval_is_counted_from_a_fixed_time(self, client, deploy):
        deployment = deploy("schedule: {interval_minutes: 90}\n")
        (schedule,) = client.read_deployment_schedules(deployment)
        assert schedule.schedule.interval == datetime.timedelta(minutes=90)
        assert schedule.schedule.anchor_date.isoformat() == "2026-01-01T00:00:00+00:00"

    def test_what_is_not_served_any_more_is_removed(self, client, deploy, tmp_path):
        deployment = deploy()
        name, path = client.read_deployment(deployment).name, str(tmp_path / "project.yaml")
        for served in ({path: name}, {path: None}):  # served, or a file that cannot be read
            assert remove_others(client, POOL, served) == []
        assert remove_others(client, POOL, {"/another/project.yaml": name}) == [name]
        deploy()
        assert remove_others(client, POOL, {path: "renamed"}) == [name]

    def test_deploying_again_loses_no_run_that_is_due(self, client, deploy):
        """Prefect deletes the runs to come, and makes them again a moment later, from then on."""
        more = "schedule: {interval_minutes: 0.1}\n"
        deployment = deploy(more)
        runs = wait_for(lambda: scheduled(client, deployment))
        moments = {run.expected_start_time for run in runs}
        now = datetime.datetime.now(datetime.UTC)
        due = min(moment for moment in moments if moment > now + datetime.timedelta(seconds=1))
        deploy(more)
        there = {run.expected_start_time for run in scheduled(client, deployment)}
        assert due in there

    def test_a_deployment_of_another_pool_is_not_taken_over(self, client, deploy, tmp_path):
        deploy()
        with pytest.raises(UsageError, match=r"in the work pool scheduled, and not for .* in two"):
            deploy_project(client, load_project(tmp_path / "project.yaml"), "two")

    def test_an_expression_that_prefect_refuses_changes_nothing(self, client, deploy):
        deployment = deploy("schedule: {cron: '0 2 * * *'}\n")
        with pytest.raises(ProjectFileError, match=r"no cron expression '0 2 \* \* 5L' with"):
            deploy("schedule: {cron: '0 2 * * 5L'}\n")
        assert schedules(client, deployment) == [("0 2 * * *", True)]


@pytest.fixture
def late_runs(client, deploy, prefect_server, home):
    """Three scheduled runs that were due one, two and three hours ago, the earliest first.

    Prefect has scheduled them; here they are set back, as if nobody had been there since.
    """

    def schedule(late, overlap="queue"):
        deployment = deploy(HOURLY.replace("LATE", late).replace("OVERLAP", overlap))
        runs = wait_for(lambda: scheduled(client, deployment))[:3]
        now = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0, microsecond=0)
        for hours, run in zip((3, 2, 1), runs, strict=True):
            due = now - datetime.timedelta(hours=hours)
            set_back(home, run.id, due)
        return [client.read_flow_run(run.id) for run in runs]

    return schedule


def scheduled(client, deployment):
    wanted = DeploymentFilter.model_validate({"id": {"any_": [deployment]}})
    first = FlowRunSort.EXPECTED_START_TIME_ASC
    runs = client.read_flow_runs(deployment_filter=wanted, sort=first, limit=200)
    return runs if len(runs) >= 3 else None


def set_back(home, run, due):
    text = due.strftime("%Y-%m-%d %H:%M:%S.%f")
    database = sqlite3.connect(home / "prefect" / "prefect.db", timeout=60)
    with database:
        changed = database.execute(
            "UPDATE flow_run SET expected_start_time = ?, next_scheduled_start_time = ?"
            " WHERE id = ?",
            (text, text, str(run)),
        )
        assert changed.rowcount == 1
    database.close()


def carry_out(client, runs):
    """Runs each flow run as its worker's process would; the final states."""
    for run in runs:
        client.set_flow_run_state(run.id, Pending(), force=True)
        run_flow(pipeline.run, flow_run=run, parameters=dict(run.parameters), return_type="state")
    return [client.read_flow_run(run.id).state for run in runs]


def names(states):
    assert {state.name for state in states} == {"Completed"}
    return [state.message.partition(":")[0] for state in states]


def test_of_late_runs_the_latest_alone_is_run(client, late_runs):
    runs = late_runs("latest")
    states = carry_out(client, runs)
    assert names(states) == ["Skipped", "Skipped", "Promoted"]
    due = runs[-1].expected_start_time
    assert states[0].message.endswith(f"; the run due at {due:%Y-%m-%d %H:%M} UTC takes its place")


def test_of_late_runs_none_is_run(client, late_runs):
    states = carry_out(client, late_runs("none"))
    assert names(states) == ["Skipped"] * 3
    assert states[0].message.endswith("late; schedule.late is none")


def test_every_late_run_is_run(client, late_runs):
    assert names(carry_out(client, late_runs("all"))) == ["Promoted", "Unchanged", "Unchanged"]


def test_a_run_that_meets_another_is_skipped_where_the_project_says_so(client, late_runs, home):
    (first, *_) = late_runs("all", overlap="skip")
    project = load_project(Path(first.parameters["project"])).project.name
    with project_turn(home, project, lambda: False) as taken:
        assert taken
        (state,) = carry_out(client, [first])
    assert names([state]) == ["Skipped"]
    assert f"another run of {project} is at work, and schedule.overlap is skip" in state.message


def test_a_run_that_meets_another_waits_for_it(client, late_runs, home):
    (first, *_) = late_runs("all")
    project = load_project(Path(first.parameters["project"])).project.name
    with project_turn(home, project, lambda: False):
        import threading

        states = []
        waiting = threading.Thread(
            target=lambda: states.extend(carry_out(client, [first])), daemon=True
        )
        waiting.start()
        wait_for(lambda: client.read_flow_run(first.id).state.name == "Running")
        time.sleep(0.5)
        assert client.read_flow_run(first.id).state.name == "Running"
    waiting.join()
    assert names(states) == ["Promoted"]
