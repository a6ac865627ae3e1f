"""Flow runs that nobody carries out any more, on a real server."""

import datetime
import os
import subprocess
import sys

import pytest
from conftest import LIGHT, write_small
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Cancelling, Completed, Paused, Pending, Running

from flows.services import abandoned
from flows.services.abandoned import recover
from flows.services.deployments import deploy_project, remove_others
from tasks.project import load_project

POOL = "abandoned"


@pytest.fixture(scope="module")
def client(prefect_server):
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        yield client


@pytest.fixture
def run(client, tmp_path, monkeypatch):
    """Makes a flow run of the pool that is in a state, and has been for long enough."""
    monkeypatch.setattr(abandoned, "_GRACE", datetime.timedelta(0))
    project = load_project(write_small(tmp_path, "abandoned", LIGHT))
    deployment = deploy_project(client, project, POOL)

    made_runs = []

    def make(state):
        made = client.create_flow_run_from_deployment(deployment)
        made_runs.append(made.id)
        client.set_flow_run_state(made.id, state, force=True)
        return made.id

    yield make
    for made in made_runs:
        client.delete_flow_run(made)
    remove_others(client, POOL, {})


@pytest.fixture
def work(tmp_path):
    """Starts a process that looks as if a worker had started it for a flow run of the home."""
    started = []

    def start(flow_run):
        variables = {"PREFECT__FLOW_RUN_ID": str(flow_run), "ASSAYLINE_HOME": str(tmp_path)}
        text = "print('begun', flush=True); import time; time.sleep(600)"
        process = subprocess.Popen(
            [sys.executable, "-c", text],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def state_of(client, flow_run):
    return client.read_flow_run(flow_run).state.name


def test_a_run_that_no_process_began_is_scheduled_again(client, run, tmp_path):
    pending = run(Pending())
    assert recover(tmp_path, POOL) == [str(pending)]
    assert state_of(client, pending) == "Rescheduled"


def test_a_run_whose_process_is_gone_is_crashed(client, run, tmp_path):
    running = run(Running())
    assert recover(tmp_path, POOL) == [str(running)]
    assert state_of(client, running) == "Crashed"


@pytest.mark.parametrize("state", [Pending(), Running()])
def test_a_run_with_a_process_is_left_alone(client, run, work, tmp_path, state):
    flow_run = run(state)
    work(flow_run)
    assert recover(tmp_path, POOL) == []
    assert state_of(client, flow_run) == state.name


@pytest.mark.parametrize("state", [Paused(timeout_seconds=600), Completed()])
def test_a_suspended_and_an_ended_run_are_left_alone(client, run, tmp_path, state):
    flow_run = run(state)
    assert recover(tmp_path, POOL) == []
    assert state_of(client, flow_run) == state.name


def test_a_run_that_began_a_moment_ago_is_left_alone(client, run, tmp_path, monkeypatch):
    pending = run(Pending())
    monkeypatch.setattr(abandoned, "_GRACE", datetime.timedelta(seconds=600))
    assert recover(tmp_path, POOL) == []
    assert state_of(client, pending) == "Pending"


def test_a_run_of_another_pool_is_left_alone(client, run, tmp_path):
    running = run(Running())
    assert recover(tmp_path, "another") == []
    assert state_of(client, running) == "Running"


def test_a_cancelled_run_whose_worker_is_gone_is_ended(client, run, work, tmp_path):
    flow_run = run(Running())
    process = work(flow_run)
    client.set_flow_run_state(flow_run, Cancelling(), force=True)
    assert recover(tmp_path, POOL) == [str(flow_run)]
    assert process.wait() == -15
    assert recover(tmp_path, POOL) == [str(flow_run)]
    assert state_of(client, flow_run) == "Cancelled"


def test_a_run_that_ends_meanwhile_keeps_its_end(client, run, tmp_path, monkeypatch):
    running = run(Running())

    def ends(home):
        client.set_flow_run_state(running, Completed(message="Promoted: done"), force=True)
        return iter(())

    monkeypatch.setattr(abandoned, "flow_processes", ends)
    assert recover(tmp_path, POOL) == []
    assert state_of(client, running) == "Completed"
