"""`assayline prune` on a home of its own: killed at every step, and what still works afterwards.

The home is filled by a process of its own, because a process has one MLflow store and one place
for Prefect's results.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SMALL, small_rows, write_small

from flows.cli import main
from flows.runs.journal import Journal

ROOT = Path(__file__).resolve().parent.parent
# Without expectations, which cost seconds of imports; one run of those that decide nothing is kept.
TEXT = SMALL[: SMALL.index("validation:")] + SMALL[SMALL.index("labels:") :]
TEXT += "retention: {runs: 1}\n"

RUNS = """
import sys
from pathlib import Path
from flows.cli import main
project, other = sys.argv[1], Path(sys.argv[2]).read_bytes()
rows = Path(project).parent / "rows.csv"
first = rows.read_bytes()
run = lambda *words: print(main(["run", project, "--quiet", "--json", *words]), file=sys.stderr)
run()
run("--set", "error_analysis.min_rows=11")
rows.write_bytes(other)
run()
rows.write_bytes(first)
run()
"""

RUN = """
import sys
from flows.cli import main
main(["run", sys.argv[1], "--quiet", "--json"])
"""

KILLS = """
import os, signal, sys
from pathlib import Path
from flows.cli import main
from flows.commands import prune
from flows.services import retention
from flows.services.locks import using
from tasks.tracking import deletion

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def in_a_process(where=None, name=""):
    if os.fork() == 0:
        if where:
            setattr(where, name, die)
        os._exit(main(["prune", sys.argv[1], "--json"]))
    print(os.waitstatus_to_exitcode(os.wait()[1]), file=sys.stderr)

prune._PATIENCE = 0.0
in_a_process(deletion, "get_artifact_repository")
in_a_process(deletion.Deletion, "_delete_for_good")
with using(Path(os.environ["ASSAYLINE_HOME"])):
    in_a_process()
for name in ("empty_evidence", "clear_evidence", "clear_aside"):
    in_a_process(retention, name)
main(["prune", sys.argv[1], "--json"])
"""


def script(text, home, *words):
    done = subprocess.run(
        [sys.executable, "-c", text, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")},
            "ASSAYLINE_HOME": str(home),
            "PREFECT_LOCAL_STORAGE_PATH": str(home / "prefect" / "storage"),
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


@pytest.fixture(scope="module")
def filled(tmp_path_factory, prefect_server):
    """Version 1 was promoted; then a run with another error analysis, a refused one, and the same
    again. The project file, the home, the runs' documents."""
    folder = tmp_path_factory.mktemp("prune")
    path, home = write_small(folder, "pruned", TEXT), folder / "home"
    small_rows(7).to_csv(folder / "other.csv", index=False)
    done = script(RUNS, home, path, folder / "other.csv")
    assert [one for one in done.stderr.split() if one.isdigit()] == ["0", "0", "3", "0"]
    return path, home, sorted(one.name for one in (home / "runs").iterdir())


@pytest.fixture
def assay(filled, monkeypatch, capsys):
    """Runs a command on the filled home: exit code, standard output, standard error."""
    import mlflow

    before = os.environ["MLFLOW_TRACKING_URI"]
    monkeypatch.setenv("ASSAYLINE_HOME", str(filled[1]))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{filled[1] / 'mlflow.db'}")

    def run(*words):
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    yield run
    mlflow.set_tracking_uri(before)  # which a command sets for the whole process


def files(home):
    return {one for one in home.rglob("*") if one.is_file() and "mlflow.db" not in one.name}


def mlflow_runs():
    """All runs of the store by their parent; one that is marked as deleted counts."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("pruned").experiment_id
    found = client.search_runs([experiment], run_view_type=ViewType.ALL)
    return [one.data.tags.get("mlflow.parentRunId", "") for one in found]


class TestRefusals:
    def test_projects_of_two_homes(self, tmp_path, monkeypatch, capsys):
        monkeypatch.delenv("ASSAYLINE_HOME")
        paths = []
        for name in ("a", "b"):
            (tmp_path / name / ".git").mkdir(parents=True)
            paths.append(str(write_small(tmp_path / name, name)))
        assert main(["prune", *paths]) == 2
        assert "name the projects of one home at a time" in capsys.readouterr().err

    def test_a_home_that_is_not_there(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("ASSAYLINE_HOME", str(tmp_path / "none"))
        assert main(["prune"]) == 0
        assert capsys.readouterr().out.startswith("runs                 0 deleted, 0.0 MB\n")
        assert not (tmp_path / "none").exists()

    def test_a_ledger_that_cannot_be_read(self, filled, assay):
        path, home, _ = filled
        mirror = home / "ledger" / "pruned.jsonl"
        kept, before = mirror.read_bytes(), files(home)
        mirror.write_bytes(b"{}\n" + kept)
        try:
            code, out, err = assay("prune", path, "--json")
        finally:
            mirror.write_bytes(kept)
        assert code == 6
        assert "no run of pruned was deleted: the ledger of pruned has 1 entries" in err
        assert json.loads(out)["kept"]["unreadable"] == 4
        assert before <= files(home)

    def test_while_another_one_is_at_work(self, filled, assay):
        from flows.services.locks import project_turn

        with project_turn(filled[1], ".prune", lambda: False):
            code, _, err = assay("prune", filled[0])
        assert code == 6
        assert "another 'assayline prune' is at work" in err


def test_a_dry_run_deletes_nothing(filled, assay):
    path, home, _ = filled
    before = files(home)
    code, out, _ = assay("prune", path, "--dry-run")
    assert code == 0
    assert out.splitlines()[0].startswith("runs                 2 would be deleted, 0.")
    assert files(home) == before


@pytest.fixture(scope="module")
def pruned(filled):
    """The home after deletions that were killed, each at a later step, one that met a run, and a
    last one: what the others said, and what the last one did."""
    path, home, _ = filled
    done = script(KILLS, home, path)
    *others, last = done.stdout.replace("}\n{", "}\0{").split("\0")
    return done.stderr.splitlines(), json.loads(others[0]), json.loads(last)


def test_a_deletion_that_was_cut_off_is_finished_by_the_next(filled, pruned):
    said, met_a_run, last = pruned
    (sentence,) = (line for line in said if not line.lstrip("-").isdigit())
    assert [line for line in said if line != sentence] == ["-9", "-9", "6", "-9", "-9", "-9"]
    assert "evidence and data stay for the next prune: a run is using" in sentence
    assert met_a_run["deleted"]["evidence"] == {"count": 0, "bytes": 0}
    assert (last["failed"], last["told"]) == ([], [])


def test_nothing_of_a_deleted_run_is_left(filled, pruned, assay):
    _, home, (first, other, refused, last) = filled
    assert sorted(one.name for one in (home / "runs").iterdir()) == [first, last]
    assert not list(home.rglob(".deleted"))
    assert not [one for one in files(home) if other in str(one) or refused in str(one)]
    # The run that searched has a run for each of three settings nested in it; the unchanged none.
    assert sorted(map(bool, mlflow_runs())) == [False, False, *[True] * 3]
    assert len(list((home / "mlflow-artifacts" / "pruned").glob("[!m]*"))) == 2
    keys = json.loads((home / "runs" / first / "evidence.json").read_text())["keys"]
    assert [one.name for one in (home / "evidence/error_analysis").iterdir()] == [
        keys["error_analysis"]
    ]
    assert not list((home / "prefect").glob("storage/*"))


def test_the_data_of_a_refused_run_go_after_a_day(filled, pruned, assay):
    _, home, (first, *_) = filled
    verdict = json.loads((home / "runs" / first / "verdict.json").read_text())
    kept = verdict["beside"]["source_sha256"]
    (away,) = {one.name for one in (home / "sources").iterdir()} - {kept}
    os.utime(next((home / "sources" / away).iterdir()), (0, 0))
    os.utime(home / "sources" / away, (0, 0))
    assert assay("prune", filled[0])[0] == 0
    assert [one.name for one in (home / "sources").iterdir()] == [kept]


def test_a_run_that_nobody_closed_stays(filled, pruned, assay):
    path, home, (*_, last) = filled
    told = Journal(**json.loads((home / "runs" / last / "journal.json").read_text()))
    left = Journal(**{**vars(told), "run_id": "20260101T000000-aaaaaa", "status": "running"})
    folder = home / "runs" / left.run_id
    left.write(home)
    try:
        code, out, _ = assay("prune", path, "--json")
        assert (code, json.loads(out)["kept"]["running"]) == (0, 1)
        assert (folder / "journal.json").is_file()
    finally:
        (folder / "journal.json").unlink()
        folder.rmdir()


class TestCommandsThatLookBack:
    def test_verify(self, filled, pruned, assay):
        code, out, _ = assay("history", filled[0], "--verify", "--json")
        outcomes = {one["subject"]: one["outcome"] for one in json.loads(out)["findings"]}
        assert (code, outcomes["verdicts"]) == (0, "ok")

    def test_report(self, filled, pruned, assay):
        path, home, (first, other, *_) = filled
        assert assay("report", path, "--run", first, "--path")[:2] == (
            0,
            f"{home / 'runs' / first / 'report.html'}\n",
        )
        code, _, err = assay("report", path, "--run", other, "--path")
        assert (code, "no decision page" in err) == (2, True)

    def test_compare(self, filled, pruned, assay):
        path, _, (*_, last) = filled
        code, out, _ = assay("compare", path, "1", last, "--json")
        assert (code, json.loads(out)["missing"]) == (0, [])

    def test_exports(self, filled, pruned, assay):
        assert assay("labels", "review", filled[0])[0] == 0
        assert assay("tag", "export", filled[0])[0] == 0

    def test_replay(self, filled, pruned, assay):
        code, out, err = assay("replay", filled[0], "1", "--json")
        assert (code, json.loads(out)["equal"]) == (0, True), err

    def test_the_next_run_computes_nothing(self, filled, pruned):
        path, home, _ = filled
        document = json.loads(script(RUN, home, path).stdout)
        assert document["unchanged_since"] is not None
        computed = {one["name"] for one in document["stages"] if not one["cached"]}
        assert computed == {"promotion"}
