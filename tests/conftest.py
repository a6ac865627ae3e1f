"""Fixtures that more than one test module uses.

One Prefect server and one home serve every test that runs the flow. Their addresses are set here,
before any test imports Prefect or MLflow, because both read the environment then; the server is
started by the first test that needs it.
"""

import atexit
import contextlib
import faulthandler
import io
import itertools
import json
import os
import shutil
import signal
import socket
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.services.home import configure_environment
from flows.services.server import start_server
from tasks.ledger import Ledger, StoredEntry, open_ledger


def free_port():
    """A loopback port for later; none that Linux gives to connections, which begin at 32768."""
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


# Each process of xdist has ports of its own, and begins elsewhere than a run before it.
_FIRST = 10_000 + 5_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4)
_PORTS = itertools.chain(
    range(_FIRST + os.getpid() % 5_000, _FIRST + 5_000), range(_FIRST, _FIRST + 5_000)
)
HOME = Path(tempfile.mkdtemp(prefix="assayline-tests-"))
PORT = free_port()
DATA = Path(__file__).resolve().parent.parent / "data"
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

# A shell that runs the tests in the background lets them, and all that they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
# What this machine, or the process that started this one, is set to is none of the tests' business.
for name in [n for n in os.environ if n.startswith(("PREFECT_", "MLFLOW_", "MPL"))]:
    del os.environ[name]
configure_environment(HOME)
os.environ["ASSAYLINE_HOME"] = str(HOME)
os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{PORT}/api"


SMALL = """
name: small
source: rows.csv
target: bought
positive_class: yes
seed: 3
features: {numeric: [age, income], categorical: [city]}
validation:
  expectations:
    - type: expect_column_values_to_be_between
      kwargs: {column: age, min_value: 0, max_value: 120}
labels: {max_issue_share: 0.5}
training:
  metric: roc_auc
  candidates:
    - name: logistic regression
      estimator: sklearn.linear_model.LogisticRegression
      search: {C: [0.1, 1.0]}
    - name: tree
      estimator: sklearn.tree.DecisionTreeClassifier
      params: {max_depth: 4}
slices: [city]
gate: {replicates: 300}
"""


# Without expectations: their library takes a process of its own three seconds to import.
LIGHT = SMALL[: SMALL.index("validation:")] + SMALL[SMALL.index("labels:") :]


def pytest_collection_modifyitems(items):
    """Files that start processes or run the flow come first: the short ones even out the end."""
    processes = {"subprocess", "Served", "Soak"}
    long = {
        item.path
        for item in items
        if "prefect_server" in item.fixturenames or processes & vars(item.module).keys()
    }
    items.sort(key=lambda item: item.path not in long)


LONGEST, AGAIN = 1200, 60
"""Seconds after which a test hangs, on however slow a machine, and then what it closes."""


@contextlib.contextmanager
def bounded(item):
    """A test that hangs fails by its name, with the stacks of all threads, and the others go on."""

    def hangs(*_):
        with tempfile.TemporaryFile("w+") as file:
            faulthandler.dump_traceback(file)
            file.seek(0)
            pytest.fail(f"{item.nodeid} did not end in {LONGEST} s\n{file.read()}")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, LONGEST, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    with bounded(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with bounded(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    with bounded(item):
        return (yield)


@pytest.fixture(scope="session")
def home():
    """The home that every test of the flow shares; projects differ by name."""
    return HOME


@pytest.fixture(scope="session")
def prefect_server(home):
    """A real Prefect server for the session."""
    server = start_server(home, PORT, parent=os.getpid())
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


_JUDGED_ROWS = Ledger.judged_rows


def _own_alone(ledger):
    own, others = _JUDGED_ROWS(ledger)
    return own, others if isinstance(ledger.store, MemoryStore) else []


@pytest.fixture(autouse=True, scope="session")
def projects_of_tests_are_strangers():
    """All tests share one store and many the same rows: none counts another one's judgements."""
    Ledger.judged_rows = _own_alone
    yield
    Ledger.judged_rows = _JUDGED_ROWS


@pytest.fixture
def other_ledgers(monkeypatch):
    """Judgements under other names count, as they do outside of tests."""
    monkeypatch.setattr(Ledger, "judged_rows", _JUDGED_ROWS)


@pytest.fixture
def assayline(prefect_server, capsys):
    """Runs the command line in this process: the exit code, the document, standard error."""
    from flows.cli import main

    def command(path, *words):
        code = main(["run", str(path), "--json", *words])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return command


def command_here(environment, *words):
    """The command line in this process, in an environment of its own: what a process of its own
    would say without the seconds of its imports. The exit code, standard output and error."""
    import mlflow

    from flows.cli import main

    out, err, tracking = io.StringIO(), io.StringIO(), mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "environ", dict(environment))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(word) for word in words])
    mlflow.set_tracking_uri(tracking)  # which a command sets for the whole process
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def replay_here(prefect_server, monkeypatch):
    """Runs again in this process what a replay would run in one of its own, in the same new home.

    For tests of what a replay is given; that it is a process of its own is tested by test_replay.
    """
    from flows.cli import main
    from flows.commands import replay

    def run_again(run, given, code, home):
        words = ["run", str(given / run.project_file), "--json", "--as-recorded", str(given)]
        words += [f"--set={one}" for one in run.overrides]
        printed = io.StringIO()
        with monkeypatch.context() as patch, contextlib.redirect_stdout(printed):
            patch.setenv("ASSAYLINE_HOME", str(home))
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
            main(words)
        return json.loads(printed.getvalue())

    monkeypatch.setattr(replay, "_run_again", run_again)


@pytest.fixture
def small_project(tmp_path, request):
    """A project of 600 rows that trains in a second, under a name of its own."""
    return write_small(tmp_path, name_of(request))


@pytest.fixture
def light_project(tmp_path, request):
    """The same without expectations, for runs in a process of their own."""
    return write_small(tmp_path, name_of(request), LIGHT)


def name_of(request):
    """A project's name that no other test has."""
    return request.node.name.lower().translate(str.maketrans("[]", "--"))


def small_rows(rows=600, seed=0):
    """Customers whose purchase depends on age and income, with noise."""
    random = np.random.default_rng(seed)
    age, income = random.uniform(18, 90, rows), random.normal(50, 15, rows)
    city = random.choice(["north", "south"], rows)
    bought = (age - 54) / 20 + (income - 50) / 15 + random.normal(0, 1, rows) > 0
    return pd.DataFrame(
        {
            "age": age.round(2),
            "income": income.round(3),
            "city": city,
            "bought": np.where(bought, "yes", "no"),
        }
    )


def write_small(folder, name="small", text=SMALL, rows=None):
    """The small project in a folder; returns the project file.

    Its own rows differ by a hair from those of the same project under another name: a judgement
    counts those before it on the same rows, whatever the project is called.
    """
    if rows is None:
        rows = small_rows()
        rows["age"] += zlib.crc32(name.encode()) % 10_000 * 1e-7
    rows.to_csv(folder / "rows.csv", index=False)
    path = folder / "project.yaml"
    path.write_text(text.replace("name: small", f"name: {name[:60].strip('-')}"))
    return path


class MemoryStore:
    """The shared store of ledgers in memory: numbers each text once, as MLflow's store does."""

    def __init__(self):
        self.texts = []
        self.rows = []
        self.others = []
        self.completed = set()
        self.before_adding = []

    def read_entries(self, _):
        return [
            StoredEntry(number, text, number in self.completed, rows)
            for number, (text, rows) in enumerate(
                itertools.zip_longest(self.texts, self.rows[: len(self.texts)], fillvalue=""), 1
            )
        ]

    def read_other_entries(self, _):
        return self.others

    def add_entry(self, _project, text, _summary, rows=""):
        while self.before_adding:
            self.before_adding.pop()()
        self.texts.append(text)
        self.rows.append(rows)
        return len(self.texts)

    def complete_entry(self, _, number):
        self.completed.add(number)


@pytest.fixture
def ledger(tmp_path):
    """A ledger of the project `p` over a store in memory."""
    return open_ledger(tmp_path, MemoryStore(), "p")
