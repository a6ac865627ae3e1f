"""`assayline up` in operation: real servers, a real worker, real signals."""

import json
import os
import signal
import subprocess

import httpx
import psutil
import pytest
from browser import wait_for
from conftest import SMALL, free_port, small_rows, write_small
from served import ENDS, Receiver, Served

from flows.runs.presence import left_behind

OPERATED = """
schedule: {cron: "0 2 * * *", timezone: Europe/Berlin, on_new_data: true, on_alarm: true}
notify: {webhook: ops}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Served(tmp_path_factory.mktemp("operated"), more=OPERATED)


@pytest.fixture(scope="module")
def up(place):
    with place.up() as process:
        yield process


@pytest.fixture(scope="module")
def receiver(place, up):
    """The webhook that the project tells of runs that went wrong."""
    server = Receiver()
    place.put_webhook("ops", server.url)
    wait_for(lambda: automations(place, "served: tell of runs that refused the data"))
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def first(place, up):
    """The first run, asked for as the form does."""
    flow_run = place.start_run(intent="improve")
    return flow_run, place.wait(flow_run, *ENDS)


def automations(place, name):
    return place.ask("/automations/filter", {"automations": {"name": {"any_": [name]}}})


def emit(place, event):
    place_of = {"prefect.resource.id": "assayline.project.served"}
    place.ask(
        "/events",
        [
            {
                "event": event,
                "resource": place_of,
                "payload": {},
                "occurred": "2026-05-01T00:00:00Z",
                "id": "01890a5d-ac96-774b-bcce-b302099a8057",
            }
        ],
    )


class TestRefusals:
    @pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])
    def test_no_other_machine_is_let_in_without_a_password(self, place, host):
        said = place.refused(*place.up_words(), "--host", host)
        assert f"--host {host} lets other machines in, and no password is configured" in said
        assert not (place.home / "server.json").exists()

    def test_a_password_has_a_name_before_it(self, place):
        place.environment["PREFECT_SERVER_API_AUTH_STRING"] = "secret"
        said = place.refused(*place.up_words(), "--host", "0.0.0.0")
        del place.environment["PREFECT_SERVER_API_AUTH_STRING"]
        assert "set PREFECT_SERVER_API_AUTH_STRING to user:password" in said

    def test_a_project_file_that_is_wrong_starts_nothing(self, place, tmp_path):
        path = write_small(tmp_path, "wrong", f"{SMALL}schedule: {{cron: nightly}}\n")
        said = place.refused(*place.up_words(path))
        assert "project.yaml: 'schedule.cron': no cron expression" in said

    def test_an_import_that_is_not_allowed_starts_nothing(self, place, tmp_path):
        text = SMALL.replace("sklearn.tree.", "mypackage.")
        said = place.refused(*place.up_words(write_small(tmp_path, "foreign", text)))
        assert "allow it with --allow-imports mypackage" in said

    def test_an_occupied_port_is_named_with_its_option(self, place, up, tmp_path):
        other = Served(tmp_path / "other")
        other.pages_port = place.pages_port
        said = other.refused(*other.up_words())
        assert f"port {place.pages_port} is taken; choose another with --pages-port" in said
        assert not list((other.home / "logs").glob("*"))

    def test_a_second_up_on_the_home_is_told_where_the_first_is(self, place, up):
        said = place.refused("up", place.project, "--prefect-port", free_port())
        assert f"is served already, at {place.api}; use that one" in said


def test_it_prints_where_everything_is(place, up):
    shown = up.printed
    assert f"Prefect UI  http://127.0.0.1:{place.port}\n" in shown
    assert f"MLflow UI   http://127.0.0.1:{place.mlflow_port}\n" in shown
    assert f"Pages       {place.pages}\n" in shown
    times = "at 0 2 * * * (Europe/Berlin), on new data, on an alarm"
    link = f"http://127.0.0.1:{place.port}/deployments/deployment/{place.deployment()['id']}"
    assert f"Project     served, {times}: {link}\n" in shown
    assert place.http.get(f"http://127.0.0.1:{place.mlflow_port}/health").status_code == 200
    assert place.http.get(f"{place.pages}/health").status_code == 200


def test_the_form_explains_and_checks_what_is_typed(place, up):
    found = place.deployment()
    fields = found["parameter_openapi_schema"]["properties"]
    assert list(fields) == ["project", "intent", "overrides"]
    assert all(field["description"] for field in fields.values())
    assert found["entrypoint"] == "flows.pipeline.run"
    assert found["global_concurrency_limit"]["limit"] == 1
    for wrong in ({"intent": "improove"}, {"overrides": ["gate.min_gain"]}, {"project": ""}):
        with pytest.raises(httpx.HTTPStatusError, match=r"4(09|22)"):
            place.start_run(**wrong)
    pool = place.http.get(f"{place.api}/work_pools/{found['work_pool_name']}").json()
    assert list(pool["base_job_template"]["variables"]["properties"]) == ["name"]


def test_a_run_by_hand_is_completed_and_says_its_verdict(place, first):
    flow_run, state = first
    assert (state["type"], state["name"]) == ("COMPLETED", "Completed")
    assert state["message"].startswith(
        "Promoted: Promote: the candidate, version 1, becomes the champion."
    )
    journal = place.journals()[-1]
    assert (journal["status"], journal["prefect_flow_run_id"]) == ("finished", flow_run)
    assert left_behind(place.home) == []
    metrics = place.http.get(f"{place.pages}/metrics").text
    assert 'assayline_rows{kind="in",project="served"} 600.0' in metrics
    page = place.http.get(f"{place.pages}/runs/{journal['run_id']}")
    assert "Promote" in page.text


def test_a_form_cannot_reach_another_folder(place, first, tmp_path):
    outside = write_small(tmp_path, "outside")
    flow_run = place.start_run(project=str(outside))
    state = place.wait(flow_run, *ENDS)
    assert state["name"] == "Failed"
    assert (
        f"the project file {outside} is outside of the folders that this worker"
        in (state["message"])
    )


def test_a_form_cannot_read_data_elsewhere(place, first):
    flow_run = place.start_run(overrides=["source.path=/etc/passwd"])
    state = place.wait(flow_run, *ENDS)
    assert "the data file /etc/passwd is outside of the folders" in state["message"]


def test_a_cancelled_run_leaves_nothing_half_done(place, first):
    flow_run = place.start_run(overrides=["training.cv_folds=4"])
    place.wait(flow_run, "Running")
    started = wait_for(lambda: at_work(place, flow_run))
    process = place.process_of(flow_run)
    place.ask(f"/flow_runs/{flow_run}/set_state", {"state": {"type": "CANCELLING"}})
    place.wait(flow_run, "Cancelled")
    psutil.wait_procs([process])
    assert place.process_of(flow_run) is None
    journal = next(one for one in place.journals() if one["run_id"] == started["run_id"])
    assert journal["status"] == "failed"
    assert not list((place.home / "present").iterdir())
    half = [path for path in (place.home / "evidence").rglob(".*") if path.is_dir()]
    assert half == []
    ledger = (place.home / "ledger" / "served.jsonl").read_text()
    assert started["run_id"] not in ledger
    again = place.start_run()
    assert place.outcome(again) == "Unchanged"


def at_work(place, flow_run):
    """The journal of a run, once a stage of it is finished."""
    found = [one for one in place.journals() if one["prefect_flow_run_id"] == flow_run]
    return found[0] if found and found[0]["last_stage"] else None


def test_a_killed_run_is_crashed_and_the_next_one_goes_on(place, first):
    killed = place.start_run(overrides=["training.cv_folds=5"])
    place.wait(killed, "Running")
    journal = wait_for(lambda: at_work(place, killed))
    waiting = place.start_run(overrides=["training.cv_folds=5"])
    place.process_of(killed).kill()
    place.wait(killed, "Crashed")
    state = place.wait(waiting, *ENDS)
    assert state["type"] == "COMPLETED"
    run = next(o for o in place.journals() if o["prefect_flow_run_id"] == waiting)
    document = json.loads((place.home / "runs" / run["run_id"] / "run.json").read_text())
    assert document["resumed_from"] == journal["run_id"]
    assert document["stages"][0]["cached"]


def test_what_dies_is_started_again_and_runs_go_on(place, up, first):
    server, worker = child(up, "flows.services.server"), child(up, "flows.services.worker")
    server.kill()
    worker.kill()
    wait_for(lambda: "worker was started again\n" in "".join(up.told))
    assert "Prefect server ended by itself, exit code -9" in "".join(up.told)
    wait_for(lambda: place.http.get(f"{place.pages}/health").status_code == 200)
    wait_for(lambda: answers(place))
    flow_run = place.start_run()
    assert place.wait(flow_run, *ENDS)["name"] == "Completed"
    metrics = place.http.get(f"{place.pages}/metrics").text
    assert 'assayline_service_restarts_total{service="worker"} 1.0' in metrics


def child(up, module):
    found = psutil.Process(up.pid).children()
    return next(process for process in found if module in process.cmdline())


def answers(place):
    try:
        return place.http.get(f"{place.api}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_an_alarm_retrains_with_intent_refresh(place, first):
    before = {run["id"] for run in place.flow_runs()}
    emit(place, "assayline.alarm")

    def started():
        return [r for r in place.flow_runs() if r["id"] not in before and "refresh" in str(r)]

    (run,) = wait_for(started)
    assert run["parameters"] == {"project": str(place.project), "intent": "refresh"}
    state = place.wait(run["id"], *ENDS)
    assert state["type"] == "COMPLETED"
    # The project file declares it, so that it is no trial as it would be by hand.
    journal = next(o for o in place.journals() if o["prefect_flow_run_id"] == run["id"])
    document = json.loads((place.home / "runs" / journal["run_id"] / "run.json").read_text())
    assert (document["overrides"], document["trial"]) == (["gate.intent=refresh"], [])


def test_new_data_start_a_run_and_a_refusal_is_told(place, first, receiver):
    before = {run["id"] for run in place.flow_runs()}
    small_rows().drop(columns="bought").to_csv(place.project.with_name("rows.csv"), index=False)

    def started():
        return [r for r in place.flow_runs() if r["id"] not in before and r["start_time"]]

    (run,) = wait_for(started)
    state = place.wait(run["id"], *ENDS)
    assert (state["type"], state["name"]) == ("FAILED", "Failed")
    assert state["message"].startswith("Refused: ")
    wait_for(lambda: receiver.posted)
    (told,) = receiver.posted
    assert told["project"] == "served"
    assert told["state"] == "Refused"
    assert "bought" in told["message"]
    assert told["url"].endswith(run["id"])
    small_rows().to_csv(place.project.with_name("rows.csv"), index=False)


def test_a_killed_run_of_a_person_is_ended_by_the_next_command(tmp_path, prefect_server):
    """It has no worker that would notice: the next command does, by its host, pid and start."""
    place = Served(tmp_path / "own", PREFECT_API_URL=prefect_server.api_url)
    place.api = prefect_server.api_url
    process = subprocess.Popen(
        place.command("run", place.project, "--quiet"), env=place.environment
    )
    present = place.home / "present"
    (record,) = wait_for(lambda: list(present.glob("*.json")) if present.is_dir() else None)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert place.flow_run(record.stem)["state"]["name"] == "Running"
    assert left_behind(place.home) == [record.stem]
    done = place.run("run", place.project, "--json")
    assert done.returncode == 0, done.stderr
    state = place.flow_run(record.stem)["state"]
    assert (state["type"], left_behind(place.home)) == ("CRASHED", [])
    assert "its process ended without a word" in state["message"]
