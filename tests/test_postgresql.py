"""Both stores in PostgreSQL: what is refused, two commands at once, the same run as on SQLite."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from browser import wait_for
from conftest import free_port, write_small

from flows.services import database, server
from flows.services.home import configure_environment
from tasks import postgresql
from tasks.errors import UnavailableError

# Made here: a run keeps the difference of its code, and with it this file.
SECRET = secrets.token_hex(12)
PREFECT, MLFLOW = "PREFECT_SERVER_DATABASE_CONNECTION_URL", "MLFLOW_TRACKING_URI"


def find_postgresql():
    """The folder of Debian's programs; a test without them is skipped, and fails under CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        missing = "postgresql is not installed, no run was made on it"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found[-1].parent


@contextlib.contextmanager
def started_cluster(programs, folder):
    """A PostgreSQL server on a free loopback port; root may not run one, so `postgres` does."""
    who = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    secret = folder / "password"
    secret.write_text(SECRET)
    if who:
        for place in (folder, secret):
            shutil.chown(place, **who)
    words = ("-A", "scram-sha-256", "-U", "postgres", "--pwfile", secret, "--no-sync")
    data, port = folder / "data", free_port()
    log = folder / "log"
    made = [programs / "initdb", "-D", data, *words]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=folder, extra_groups=[], **who)
    place = ("-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F")
    with log.open("wb") as said:
        process = subprocess.Popen(
            [programs / "postgres", *place], stderr=said, cwd=folder, extra_groups=[], **who
        )
    try:
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        wait_for(lambda: subprocess.run(ready, check=False).returncode == 0)
        yield port, log
    finally:
        process.terminate()
        process.wait()


class Databases:
    """The two databases, the homes that use them, and all that the commands said."""

    def __init__(self, port, folder):
        self.port, self.folder, self.said = port, folder, []

    def address(self, name, secret=SECRET):
        return f"postgresql://postgres:{secret}@127.0.0.1:{self.port}/{name}"

    def environment(self, home, **more):
        own = ("PREFECT", "MLFLOW", "ASSAYLINE", "MPL")
        inherited = {n: v for n, v in os.environ.items() if not n.startswith(own)}
        stores = {PREFECT: self.address("prefect"), MLFLOW: self.address("runs")}
        return {**inherited, "ASSAYLINE_HOME": str(self.folder / home), **stores, **more}

    def begin(self, home, *words, **more):
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *map(str, words)],
            env=self.environment(home, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process):
        out, said = process.communicate()
        self.said += [out, said]
        return process.returncode, out, said

    def run(self, *words, **more):
        return self.end(self.begin(*words, **more))


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    import pg8000.dbapi

    programs = find_postgresql()
    # Not among pytest's folders, which the user `postgres` may not enter.
    with (
        tempfile.TemporaryDirectory(prefix="assayline-postgresql-") as place,
        started_cluster(programs, Path(place)) as (port, log),
    ):
        with contextlib.closing(
            pg8000.dbapi.connect("postgres", "127.0.0.1", port=port, password=SECRET)
        ) as connection:
            connection.autocommit = True
            for name in ("prefect", "runs"):
                connection.cursor().execute(f"create database {name}")
        found = Databases(port, tmp_path_factory.mktemp("homes"))
        found.log = log
        yield found


@pytest.fixture(scope="module")
def project(databases):
    return write_small(databases.folder)


@pytest.fixture(scope="module")
def first(databases, project):
    """The first run, on new databases, while another home's command and server start there."""
    home = databases.folder / "bob"
    running = databases.begin("ada", "run", project, "--json")
    asking = databases.begin("bob", "history", project, "--json")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "environ", databases.environment("bob"))
        configure_environment(home)
        other = server.start_server(home, free_port(), parent=os.getpid())
        try:
            other.wait_until_ready()
        finally:
            other.stop()
    code, answer, said = databases.end(asking)
    assert (code, json.loads(answer)) == (0, []), said
    code, out, said = databases.end(running)
    assert code == 0, said
    return json.loads(out)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("postgresql://u:p@h/d", "postgresql+pg8000://u:p@h/d"),
        ("postgres://h/d?application_name=a", "postgresql+pg8000://h/d?application_name=a"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("http://h/postgresql://x", "http://h/postgresql://x"),
        ("sqlite:///postgresql.db", "sqlite:///postgresql.db"),
    ],
)
def test_an_address_without_a_driver_gets_one(uri, expected):
    assert postgresql.with_driver(uri, "pg8000") == expected
    assert postgresql.is_postgresql(uri) == expected.startswith("postgresql+")


def test_what_a_driver_says_becomes_one_line():
    uri = "postgresql://bob:s3cret@host/db"
    fields = {"S": "FATAL", "C": "28P01", "M": "password authentication failed"}
    assert postgresql.reason(Exception(fields), uri) == "password authentication failed"
    assert postgresql.reason(Exception(f"no {uri} here\nsecond line"), uri) == (
        "no postgresql://host/db here"
    )
    assert postgresql.reason(TimeoutError(), uri) == "TimeoutError"


def test_the_environment_names_the_drivers(monkeypatch, tmp_path):
    older = "PREFECT_API_DATABASE_CONNECTION_URL"
    given = {PREFECT: "postgresql://h/p", older: "postgres://h/q", MLFLOW: "postgresql://h/m"}
    monkeypatch.setattr(os, "environ", {"PREFECT_API_URL": "http://h/api", **given})
    assert not database.is_own()
    configure_environment(tmp_path)
    assert os.environ[PREFECT] == "postgresql+asyncpg://h/p"
    assert os.environ[older] == "postgresql+asyncpg://h/q"
    assert os.environ[MLFLOW] == "postgresql+pg8000://h/m"


def test_one_database_for_both_is_refused(monkeypatch, tmp_path):
    stores = {PREFECT: "postgresql+asyncpg://a:x@h/d", MLFLOW: "postgresql+pg8000://b:y@h/d"}
    monkeypatch.setattr(os, "environ", stores)
    with pytest.raises(UnavailableError, match="name the same database, h/d; Prefect and MLflow"):
        server.start_server(tmp_path, 1, parent=os.getpid())
    stores[MLFLOW] = "postgresql+pg8000://b:y@h/e"
    database.require_apart()


def test_a_missing_driver_is_named_with_what_installs_it(monkeypatch, tmp_path):
    from tasks.tracking import Tracking

    monkeypatch.setitem(sys.modules, "pg8000", None)
    monkeypatch.setenv(MLFLOW, "postgresql://bob:s3cret@127.0.0.1:9/runs")
    with pytest.raises(UnavailableError) as failure:
        Tracking(tmp_path)
    assert str(failure.value) == (
        "the driver pg8000 of MLflow's database at postgresql+pg8000://127.0.0.1:9/runs is not "
        "installed; install it with: pip install 'assayline[postgres]'"
    )


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (
            "postgresql://bob:s3cret@127.0.0.1:9/runs",
            "at postgresql+pg8000://127.0.0.1:9/runs cannot be used (Connection refused); start it",
        ),
        ("postgresql+nonsense://bob:s3cret@h/d", "write it as postgresql://HOST:5432/DATABASE"),
        ("postgresql://bob:s3cret@h:port/d", "invalid literal for int"),
        ("postgresql://bob:s3cret@127.0.0.1:9/d?sslmode=require", "argument 'sslmode'"),
    ],
)
def test_an_address_of_mlflow_that_cannot_be_used_is_one_sentence(monkeypatch, tmp_path, uri, told):
    from tasks.tracking import Tracking

    monkeypatch.setenv(MLFLOW, uri)
    with pytest.raises(UnavailableError) as failure:
        Tracking(tmp_path)
    assert told in str(failure.value)
    assert "s3cret" not in str(failure.value)
    assert failure.value.__suppress_context__


def test_the_database_that_ended_a_server_is_named(databases, monkeypatch):
    home = databases.folder / "eve"
    monkeypatch.setattr(os, "environ", databases.environment("eve"))
    os.environ[PREFECT] = databases.address("prefect", f"not-{SECRET}")
    configure_environment(home)
    started = server.start_server(home, free_port(), parent=os.getpid())
    with pytest.raises(UnavailableError) as failure:
        started.wait_until_ready()
    assert str(failure.value) == (
        f"Prefect's database at postgresql+asyncpg://127.0.0.1:{databases.port}/prefect cannot be "
        'used (password authentication failed for user "postgres"); start it, or correct '
        f"{PREFECT}, and run again"
    )
    assert not (home / "prefect" / "prefect.db").exists()


def compared_checks(run):
    """The checks of all stages; of what was measured, that it was."""
    measured = ("performance_audit.latency", "performance_audit.memory")
    checks = [check for stage in run["stages"] for check in stage["checks"]]
    return [check["id"] if check["id"] in measured else check for check in checks]


def test_a_run_decides_as_on_sqlite(databases, project, first, assayline, home):
    code, same, said = assayline(project)
    assert code == 0, said
    assert (home / "mlflow.db").is_file()
    assert not list((databases.folder / "ada").rglob("*.db"))
    judged = ("verdict", "verdict_hash", "reasons", "dataset", "metrics", "champion_version")
    assert {name: first[name] for name in judged} == {name: same[name] for name in judged}
    assert first["verdict"] == "promote"
    found, expected = compared_checks(first), compared_checks(same)
    assert len(found) > 30
    assert found == expected


def test_the_ledger_holds_and_a_second_run_changes_nothing(databases, project, first):
    code, out, said = databases.run("ada", "history", project, "--verify", "--json")
    assert code == 0, said
    assert json.loads(out)["ok"] is True
    code, out, said = databases.run("ada", "run", project, "--json")
    assert code == 0, said
    again = json.loads(out)
    assert again["unchanged_since"] == first["run_id"]
    assert again["verdict_hash"] == first["verdict_hash"]


def test_the_password_is_written_nowhere_and_no_statement_failed(databases, first):
    files = [path for path in databases.folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in "".join(databases.said)
    # What two commands at once do to each other shows here first, also where one tries again.
    errors = [line for line in databases.log.read_text().splitlines() if "ERROR:" in line]
    assert errors == []
