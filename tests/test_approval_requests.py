import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Cancelled, Running

from flows.approval import approval
from flows.cli import main
from flows.services.approval_requests import FLOW, ask_again, start_approval
from flows.services.pools import pool_of


@pytest.fixture
def client(prefect_server):
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def served(client, home):
    """A server that serves the deployment of the home, for this test only."""
    pool = WorkPoolCreate(name=pool_of(home), type="process")
    client.create_work_pool(pool, overwrite=True)
    deployment = approval.to_deployment(pool.name, work_pool_name=pool.name).apply()
    yield client
    client.delete_deployment(deployment)


@pytest.fixture
def pending(served, assayline, small_project):
    """A run that waits for a signature."""
    code, run, _ = assayline(small_project, "--set", "approval.mode=approve")
    assert code == 5
    return run


def forms(client, run):
    """The states of the flow runs that ask for a signature of the run, oldest first."""
    found = client.read_flow_runs(limit=200)
    asked = [form for form in found if form.name == f"{run['project']}/{run['run_id']}"]
    return sorted(asked, key=lambda form: form.created)


def states(client, run):
    return [form.state.name for form in forms(client, run)]


def test_no_deployment_is_no_form_and_no_failure(prefect_server, home):
    assert start_approval("r", home, "p") is None


def test_a_server_that_does_not_answer_is_no_failure(monkeypatch, home):
    monkeypatch.setattr("flows.services.approval_requests.get_client", lambda **_: 1 / 0)
    assert start_approval("r", home, "p") is None


def test_a_run_that_waits_is_asked_about_once(served, pending, home):
    (form,) = forms(served, pending)
    assert (form.state.name, form.parameters) == (
        "Scheduled",
        {"run_id": pending["run_id"], "home": str(home)},
    )
    address = start_approval(pending["run_id"], home, pending["project"])
    assert address.endswith(f"/runs/flow-run/{form.id}")
    ask_again(home)
    assert states(served, pending) == ["Scheduled"]


def test_a_form_that_was_lost_is_made_again(served, pending, home):
    (form,) = forms(served, pending)
    served.set_flow_run_state(form.id, Running(), force=True)
    ask_again(home)
    assert states(served, pending) == ["Crashed", "Scheduled"]
    served.set_flow_run_state(forms(served, pending)[1].id, Cancelled(), force=True)
    ask_again(home)
    assert states(served, pending) == ["Crashed", "Cancelled", "Scheduled"]


def test_a_damaged_project_is_passed_over_and_said(served, pending, home, capsys):
    (form,) = forms(served, pending)
    served.set_flow_run_state(form.id, Cancelled(), force=True)
    (home / "ledger" / "aa-broken.jsonl").write_text("{}\n")
    (home / "ledger" / "aa-folder.jsonl").mkdir()
    try:
        ask_again(home)
    finally:
        (home / "ledger" / "aa-broken.jsonl").unlink()
        (home / "ledger" / "aa-folder.jsonl").rmdir()
    assert states(served, pending) == ["Cancelled", "Scheduled"]
    said = capsys.readouterr().err.splitlines()
    assert "of aa-broken was made: the ledger of aa-broken, number 1, is no ledger entry" in said[0]
    assert "of aa-folder was made: [Errno 21] Is a directory" in said[1]


def test_a_run_that_is_settled_is_not_asked_about(served, pending, small_project, home):
    served.set_flow_run_state(forms(served, pending)[0].id, Cancelled(), force=True)
    who = ("--name", "Ada", "--reason", "enough", "--verdict", pending["verdict_hash"][:8])
    main(["approve", pending["run_id"], "--project", str(small_project), "--refuse", *who])
    ask_again(home)
    assert states(served, pending) == ["Cancelled"]
    assert approval.name == FLOW
