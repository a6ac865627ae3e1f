"""Two homes that share an MLflow server with a password, and what they leave written."""

import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest
from browser import wait_for
from conftest import LIGHT, command_here, free_port, write_small

from flows.services.supervisor import stop

# Made here: a run keeps the difference of its code, and with it this file.
SECRET = secrets.token_hex(12)


class Team:
    """A server, and two homes of a project with the same file and data."""

    def __init__(self, folder, port):
        self.prefect = os.environ["PREFECT_API_URL"]
        self.folder, self.port = folder, port
        self.homes = {name: folder / name / "home" for name in ("ada", "bob")}
        self.projects = {}
        for name, home in self.homes.items():
            home.parent.mkdir()
            text = f"{LIGHT}approval: {{mode: approve}}\n"
            self.projects[name] = write_small(home.parent, "shared", text)
        self.said = []

    def environment(self, name):
        own = ("PREFECT", "MLFLOW", "ASSAYLINE", "MPL")
        inherited = {n: v for n, v in os.environ.items() if not n.startswith(own)}
        uri = f"http://bob:{SECRET}@127.0.0.1:{self.port}"
        places = {"ASSAYLINE_HOME": str(self.homes[name]), "MLFLOW_TRACKING_URI": uri}
        return {**inherited, **places, "PREFECT_API_URL": self.prefect}

    def command(self, name, word, *words):
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", word, *map(str, words)],
            env=self.environment(name),
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return done

    def here(self, name, *words):
        """The command in this process: the exit code, standard output, standard error."""
        code, out, err = command_here(self.environment(name), *words)
        self.said += [out, err]
        return code, out, err

    def sign(self, command, name, run, *more):
        who = ("--name", "Bob", "--reason", "read it", "--verdict", run["verdict_hash"][:8])
        place = ("--project", self.projects[name])
        return command(name, "approve", run["run_id"], *place, *who, *more)

    def written(self):
        """The files that hold the secret."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def team(tmp_path_factory, prefect_server):
    folder, port = tmp_path_factory.mktemp("team"), free_port()
    store = folder / "server"
    store.mkdir()
    log = (folder / "server.log").open("wb")
    environment = {
        **{n: v for n, v in os.environ.items() if not n.startswith("MLFLOW")},
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{store / 'runs.db'}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    words = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    place = ("--artifacts-destination", str(store / "artifacts"))
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *words, *place],
        env=environment,
        stdout=log,
        stderr=log,
        cwd=store,
    )
    try:
        wait_for(lambda: answers(port))
        yield Team(folder, port)
    finally:
        stop(server)
        log.close()


def answers(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health").status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def run(team):
    """A run of Ada's that waits for a signature."""
    done = team.command("ada", "run", team.projects["ada"], "--json")
    assert done.returncode == 5, done.stderr
    return json.loads(done.stdout)


def test_a_home_without_the_project_file_cannot_sign(team, run, tmp_path):
    who = ("--name", "Bob", "--reason", "read it", "--verdict", run["verdict_hash"][:8])
    elsewhere = ("--project", tmp_path / "no.yaml")
    code, _, err = team.here("bob", "approve", run["run_id"], *elsewhere, *who)
    assert (code, "name the project file with --project" in err) == (2, True), err
    code, _, err = team.sign(team.here, "bob", {**run, "run_id": "20200101T000000-000000"})
    assert (code, "and none of shared in MLflow" in err) == (2, True), err


def test_other_data_here_sign_nothing_and_void_nothing(team, run):
    rows = team.projects["bob"].with_name("rows.csv")
    before = rows.read_text()
    rows.write_text(before.replace("yes", "no", 1))
    code, _, err = team.sign(team.here, "bob", run)
    rows.write_text(before)
    assert code == 6
    assert f"the data file {rows} is not what run {run['run_id']} was judged with" in err
    assert "nothing was signed" in err


def test_another_home_signs_and_no_password_is_written(team, run):
    done = team.sign(team.command, "bob", run, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["champion_version"] == "1"
    assert (team.folder / "server" / "runs.db").is_file()  # the variable was honoured
    assert not (team.homes["bob"] / "runs").exists()
    assert list((team.homes["bob"] / "tmp").iterdir()) == []
    code, out, _ = team.sign(team.here, "ada", run)
    assert (code, "was approved by Bob" in out) == (4, True)
    assert team.written() == []
    assert SECRET not in "".join(team.said)


def test_up_names_the_server_and_starts_none(team, run):
    ports = ("--mlflow-port", str(team.port), "--pages-port", str(free_port()))
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "up", str(team.projects["ada"]), *ports],
        env=team.environment("ada"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = [process.stdout.readline() for _ in range(3)]
    children = psutil.Process(process.pid).children(recursive=True)
    words = [" ".join(child.cmdline()) for child in children]
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0, process.stderr.read()
    assert lines[1] == f"MLflow UI   http://127.0.0.1:{team.port}\n"
    assert "flows.services.worker" in "".join(words)
    assert "flows.services.mlflow_server" not in "".join(words)
    assert SECRET not in "".join(lines + words)
    assert team.written() == []


def test_a_server_marks_runs_as_deleted_and_keeps_them(team, tmp_path, monkeypatch):
    import mlflow

    from tasks.tracking import Tracking, TrialRecord

    before = os.environ["MLFLOW_TRACKING_URI"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{team.port}")
    try:
        tracking = Tracking(tmp_path)
        run = tracking.start_run("going", "r1", {"assayline.run_id": "r1"})
        tracking.log_trials(run, "going", [TrialRecord(name="a", params={}, metrics={"x": 1.0})])
        assert tracking.run_family(run, "r2") == []
        assert not tracking.deletes_for_good
        for active in (True, False):
            family = tracking.run_family(run, "r1")
            assert [one.active for one in family] == [active, active]
            assert [one.folder for one in family] == [None, None]
            tracking.delete_runs(family)
    finally:
        mlflow.set_tracking_uri(before)


def test_a_server_that_is_gone_is_told_without_the_password(team, tmp_path):
    elsewhere = Team(tmp_path, free_port())
    os_environment = elsewhere.environment("ada")
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", str(elsewhere.projects["ada"])],
        env={**os_environment, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6
    assert f"MLflow at http://127.0.0.1:{elsewhere.port} did not do its part" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert elsewhere.written() == []
