"""Secrets that were planted where they belong are nowhere else; the password guards all of `up`.

One `assayline up` with a password: a run that waits for a signature, the form that signs it, new
data that is refused and told to a webhook, a run that fails.
"""

import json
import threading
from base64 import b64encode

import httpx
import psutil
import pytest
from browser import wait_for
from conftest import small_rows
from served import ENDS, Receiver, Served
from test_replay import git

AUTH = "owner:planted-auth-4f1c"
PLANTED = {
    "the password": "planted-auth-4f1c",
    "the password as a header": b64encode(AUTH.encode()).decode(),
    "an environment variable": "planted-environment-9c2e",
    "a webhook's address": "planted-hook-77a0",
    "an uncommitted file": "planted-file-b3d5",
}
MORE = """
approval: {mode: approve}
schedule: {on_new_data: true}
notify: {webhook: ops}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    place = Served(
        folder,
        "secrets",
        MORE,
        PREFECT_SERVER_API_AUTH_STRING=AUTH,
        DATABASE_PASSWORD=PLANTED["an environment variable"],
        AWS_SECRET_ACCESS_KEY=PLANTED["an environment variable"],
    )
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("home/\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    (folder / "own.py").write_text("KEPT = 1\n")
    for name in (".env", "secrets.yaml", "prod-credentials.toml"):
        (folder / name).write_text(f"password: {PLANTED['an uncommitted file']}\n")
    return place


@pytest.fixture(scope="module")
def served(place):
    """The place while `up` serves it; `served.words` are the command lines of its processes."""
    place.words = set()
    done = threading.Event()

    def look():
        while not done.wait(0.2):
            for process in psutil.process_iter(["cmdline"]):
                place.words.add(" ".join(process.info["cmdline"] or ()))

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        with place.up() as process:
            place.process = process
            yield place
    finally:
        done.set()
        watching.join()


@pytest.fixture(scope="module")
def worked(served):
    """After a run that was signed in its form, one that was refused, and one that failed."""
    receiver = Receiver()
    hook = PLANTED["a webhook's address"]
    served.put_webhook("ops", f"{receiver.url}/{hook}")
    run = served.start_run()
    assert served.outcome(run) == "Awaiting signature"
    served.signed = sign(served)
    before = {one["id"] for one in served.flow_runs()}
    wait_for(lambda: served.ask("/automations/filter", {}))
    small_rows().drop(columns="bought").to_csv(served.project.with_name("rows.csv"), index=False)
    (arrived,) = wait_for(
        lambda: [r for r in served.flow_runs() if r["id"] not in before and r["start_time"]]
    )
    assert served.outcome(arrived["id"]) == "Refused"
    wait_for(lambda: receiver.posted)
    failing = served.start_run(overrides=["training.candidates=[{name: a, estimator: os.environ}]"])
    assert served.wait(failing, *ENDS)["name"] == "Failed"
    receiver.shutdown()
    return served


def sign(place):
    """Fill in the form of the run that waits; the state that its flow run ends in."""
    journal = place.journals()[-1]
    wanted = {"name": {"any_": [f"secrets/{journal['run_id']}"]}}
    find = {"flow_runs": wanted}
    form = wait_for(
        lambda: [
            r for r in place.ask("/flow_runs/filter", find) if r["state"]["name"] == "Suspended"
        ]
    )[0]
    verdict = json.loads((place.home / "runs" / journal["run_id"] / "run.json").read_text())
    answer = {
        "decision": "approve",
        "name": "Ada",
        "reason": "the gain is real",
        "verdict": verdict["verdict_hash"][:8],
    }
    answered = place.ask(f"/flow_runs/{form['id']}/resume", {"run_input": answer})
    assert answered["status"] == "ACCEPT"
    return place.wait(form["id"], *ENDS)


def planted_in(data):
    text = data.encode() if isinstance(data, str) else data
    return [what for what, secret in PLANTED.items() if secret.encode() in text]


def test_what_is_looked_for_would_be_found():
    for what, secret in PLANTED.items():
        assert what in planted_in(f"a line with {secret} in it")


def test_all_of_it_works_with_a_password(worked):
    assert worked.signed["type"] == "COMPLETED", worked.signed
    lines = (worked.home / "ledger" / "secrets.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [(one["action"], one["who"]) for one in entries][-1] == ("approve", "Ada")


def test_no_file_of_the_home_holds_a_secret(worked):
    looked = 0
    for path in worked.home.rglob("*"):
        if path.is_file():
            looked += 1
            assert planted_in(path.read_bytes()) == [], path
    assert looked > 100
    patches = list((worked.home / "runs").glob("*/project.diff"))
    assert any(b"KEPT = 1" in path.read_bytes() for path in patches)


def test_nothing_printed_and_no_command_line_holds_a_secret(worked):
    assert planted_in(worked.process.printed) == []
    assert planted_in("".join(worked.process.told)) == []
    assert any("flows.services.mlflow_server" in words for words in worked.words)
    assert any("flows.services.flow_process" in words for words in worked.words)
    assert planted_in("\n".join(worked.words)) == []


@pytest.mark.parametrize(
    "what",
    [
        "flow_runs",
        "task_runs",
        "deployments",
        "work_pools",
        "logs",
        "artifacts",
        "automations",
        "block_documents",
        "events",
    ],
)
def test_no_answer_of_the_prefect_api_holds_a_secret(worked, what):
    body = {} if what in ("events", "automations") else {"limit": 200}
    answer = worked.http.post(f"{worked.api}/{what}/filter", json=body)
    assert answer.status_code == 200
    assert len(answer.content) > 50
    assert planted_in(answer.content) == []


def test_no_page_holds_a_secret(worked):
    for path in ("/", "/metrics", "/health", f"/runs/{worked.journals()[0]['run_id']}"):
        answer = worked.http.get(worked.pages + path)
        assert answer.status_code == 200, path
        assert planted_in(answer.content) == []


def doors(place):
    mlflow = f"http://127.0.0.1:{place.mlflow_port}"
    search = "/api/2.0/mlflow/experiments/search?max_results=1"
    return {
        f"{place.api}/admin/version": True,
        f"{place.api}/block_types/slug/webhook": True,
        f"{mlflow}/": True,
        f"{mlflow}{search}": True,
        f"{mlflow}/ajax-api/2.0/mlflow/experiments/search?max_results=1": True,
        f"{place.pages}/": True,
        f"{place.pages}/metrics": True,
        f"{place.api}/health": False,
        f"{mlflow}/health": False,
        f"{place.pages}/health": False,
    }


def test_the_password_guards_all_but_health(served):
    for url, guarded in doors(served).items():
        asked = {
            "nobody": httpx.get(url, timeout=120).status_code,
            "a stranger": httpx.get(url, auth=("owner", "guess"), timeout=120).status_code,
            "the owner": served.http.get(url).status_code,
        }
        refused = 401 if guarded else 200
        assert asked == {"nobody": refused, "a stranger": refused, "the owner": 200}, url


def test_a_run_of_a_person_needs_the_password(worked):
    small_rows().to_csv(worked.project.with_name("rows.csv"), index=False)
    without = {n: v for n, v in worked.environment.items() if n != "PREFECT_SERVER_API_AUTH_STRING"}
    stranger = Served.__new__(Served)
    stranger.environment = without
    done = stranger.run("run", worked.project, "--json")
    assert done.returncode == 6
    assert done.stderr.splitlines()[-1] == (
        f"assayline: the Prefect server at {worked.api} asks for a password; set "
        "PREFECT_API_AUTH_STRING to user:password"
    )
    stranger.environment = {**without, "PREFECT_API_AUTH_STRING": AUTH}
    done = stranger.run("run", worked.project, "--json")
    assert done.returncode in {0, 4, 5}, done.stderr
    assert planted_in(done.stdout + done.stderr) == []
