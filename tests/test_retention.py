"""What is kept and what goes, on small inputs; files deleted and logs cut on a real disk."""

import datetime
import json
import os
import subprocess
import sys

import pytest
from conftest import SMALL

from flows.runs.known_runs import known_run, known_runs, named_by, recorded_retention
from flows.services.emptying import clear_aside, cut_log, set_aside
from flows.services.pruned import Pruned
from flows.services.unneeded_files import empty_evidence, empty_temporary, trim_logs
from tasks.errors import UnavailableError
from tasks.held_folders import held_folder
from tasks.project.operation_sections import RetentionSection
from tasks.project_state import ProjectState
from tasks.retention import Deciding, KnownRun, Named, log_is_old, may_go, plan_runs
from tasks.run_folder import RunFolder

NOW = datetime.datetime(2026, 6, 30, 12, tzinfo=datetime.UTC)
OLD, OLDER, YOUNG = "20260301T000000-aaaaaa", "20260201T000000-bbbbbb", "20260629T000000-cccccc"
NEWEST = "20260630T000000-dddddd"
DAY = 86400.0


def run(run_id, **words):
    return KnownRun(run_id=run_id, project="p", **words)


def plan(*runs, days=90.0, most=200, **deciding):
    named = {name: frozenset(ids) for name, ids in deciding.items()}
    found = plan_runs(runs, RetentionSection(days=days, runs=most), Deciding(**named), NOW)
    return [one.run_id for one in found.delete], dict(found.kept)


class TestRunsThatGo:
    def test_older_than_the_days(self):
        deleted, kept = plan(run(OLD), run(YOUNG), run(NEWEST))
        assert deleted == [OLD]
        assert kept == {YOUNG: "recent", NEWEST: "recent"}

    def test_beyond_the_newest(self):
        assert plan(run(YOUNG), run(NEWEST), most=1) == ([YOUNG], {NEWEST: "recent"})

    def test_runs_that_decided_do_not_count_among_those(self):
        deleted, kept = plan(run(OLD), run(YOUNG), run(NEWEST), days=365, most=2, ledger=[YOUNG])
        assert deleted == []
        assert kept[YOUNG] == "ledger"

    def test_to_the_second(self):
        at_the_limit = "20260628T120000-eeeeee"
        assert plan(run(at_the_limit), run(NEWEST), days=2)[0] == []
        assert plan(run("20260628T115959-eeeeee"), run(NEWEST), days=2)[0] != []


class TestRunsThatStay:
    @pytest.mark.parametrize("reason", ["ledger", "verdict"])
    def test_named_by_a_decision(self, reason):
        where = "verdicts" if reason == "verdict" else reason
        assert plan(run(OLD), run(NEWEST), **{where: [OLD]}) == (
            [],
            {NEWEST: "recent", OLD: reason},
        )

    def test_whose_mlflow_run_made_a_version(self):
        runs = (run(OLD, mlflow_run="m1"), run(OLDER, mlflow_run="m2"), run(NEWEST))
        assert plan(*runs, versions=["m1"]) == ([OLDER], {NEWEST: "recent", OLD: "version"})

    def test_at_work_or_not_closed(self):
        assert plan(run(OLD, ended=False), run(NEWEST))[1][OLD] == "running"

    def test_that_cannot_be_read(self):
        assert plan(run(OLD, problem="torn"), run(NEWEST))[1][OLD] == "unreadable"
        assert plan(run("by hand"), run(NEWEST))[1]["by hand"] == "unreadable"
        assert plan(run("20269999T000000-a"), run(NEWEST))[1]["20269999T000000-a"] == "unreadable"

    def test_the_newest_and_the_newest_with_each_stage(self):
        reached = {
            OLDER: {"ingestion", "training"},
            OLD: {"ingestion", "training", "decision page"},
            YOUNG: {"ingestion"},
        }
        runs = [run(one, reached=frozenset(what)) for one, what in reached.items()]
        assert plan(*runs, days=0.5) == ([OLDER], {YOUNG: "newest", OLD: "newest"})

    def test_no_run_at_all(self):
        assert plan() == ([], {})


def test_what_runs_name():
    beside = {"stage_keys": {"gate": "g"}, "source_sha256": "s", "overlay_sha256": None}
    found = Named.by_run("r", {"training": "t"}, beside)
    assert found.evidence == {("training", "t"), ("gate", "g"), ("promotion", "r")}
    assert found.sources == {"s"}


@pytest.mark.parametrize(
    ("item", "age", "goes"),
    [("kept", 500, False), ("freed", 0, True), ("both", 500, False), ("no", 0.9, False)],
)
def test_what_may_go(item, age, goes):
    assert may_go(item, age, {"kept", "both"}, {"freed", "both"}) is goes
    assert may_go("never named", 1.1, set(), set())


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("2026-06-27.jsonl", True),
        ("2026-06-28.jsonl", False),
        ("2026-13-01.jsonl", False),
        ("prefect-server.log", False),
    ],
)
def test_dated_logs(name, old):
    assert log_is_old(name, 2.0, NOW) is old


@pytest.fixture
def home(tmp_path):
    """A home with one run of `p` that names evidence and data, and more of both."""
    write(tmp_path / "runs" / NEWEST, journal=journal(NEWEST), run={"project": "p"})
    keys = {"project": "p", "keys": {"training": "kept"}}
    write(tmp_path / "runs" / NEWEST, evidence=keys, verdict={"beside": {"source_sha256": "kept"}})
    for key in ("kept", "free"):
        write(tmp_path / "evidence" / "training" / key, result={})
        write(tmp_path / "sources" / key, rows={})
    return tmp_path


def write(folder, **documents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        ending = "" if "-" in name else ".json"
        (folder / f"{name}{ending}").write_text(json.dumps(document))


def journal(run_id, **words):
    made = {"run_id": run_id, "project": "p", "status": "finished", "host": "h", "pid": 1}
    return {**made, "process_started": 1.0, "mlflow_run_id": "m", **words}


def files(folder):
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def later(days):
    return datetime.datetime.now(datetime.UTC).timestamp() + days * DAY


class TestReading:
    @pytest.mark.parametrize("name", ["run.json", "evidence.json"])
    @pytest.mark.parametrize("text", ['{"project": "p', "[1]"])
    def test_a_broken_record(self, home, name, text):
        (home / "runs" / NEWEST / name).write_text(text)
        assert known_run(RunFolder.of(home, NEWEST)).problem.startswith(
            f"{home}/runs/{NEWEST}/{name} cannot be read: "
        )

    def test_a_broken_journal(self, home):
        (home / "runs" / NEWEST / "journal.json").write_text('{"run_id": 1}')
        (found,) = known_runs(home)
        assert found.project == ""
        assert f"{NEWEST}/journal.json is no journal: " in found.problem

    def test_a_run_without_a_journal(self, home):
        (home / "runs" / NEWEST / "journal.json").unlink()
        (found,) = known_runs(home)
        assert (found.project, found.problem) == ("", "it has no journal")

    def test_a_record_of_another_project(self, home):
        write(home / "runs" / NEWEST, run={"project": "q"})
        assert "names another project" in known_run(RunFolder.of(home, NEWEST)).problem

    def test_a_run_that_is_whole(self, home):
        (found,) = known_runs(home)
        assert found == run(NEWEST, reached=frozenset({"training"}), mlflow_run="m")

    def test_retention_of_the_record(self, home):
        (found,) = known_runs(home)
        assert recorded_retention(home, [found]) == RetentionSection(days=90.0, runs=200)
        folder = home / "runs" / NEWEST
        (folder / "project.yaml").write_text(SMALL + "retention: {days: 7, runs: 5}\n")
        write(folder, overrides=["retention.runs=3"])
        assert recorded_retention(home, [found]) == RetentionSection(days=7.0, runs=3)
        (folder / "project.yaml").write_text("names: [")
        with pytest.raises(UnavailableError, match=r"no run of p was deleted; name its project"):
            recorded_retention(home, [found])

    def test_a_recorded_verdict_that_is_torn(self, tmp_path):
        state = ProjectState(tmp_path)
        state.record_verdict("k1", {"run_id": OLD})
        assert state.decided_runs() == {OLD}
        (tmp_path / "verdicts" / "k2.json").write_text("{}")
        with pytest.raises(UnavailableError, match=r"k2.json is no recorded verdict \(KeyError\)"):
            state.decided_runs()


class TestEvidence:
    def test_nothing_goes_where_one_record_is_torn(self, home):
        (home / "runs" / NEWEST / "verdict.json").write_text("{")
        before = files(home)
        with pytest.raises(UnavailableError, match=f"what run {NEWEST} needs is not known"):
            empty_evidence(home, (), later(9), Pruned(home, False))
        with pytest.raises(UnavailableError):
            named_by(RunFolder.of(home, NEWEST))
        assert files(home) == before

    def test_what_nobody_named_stays_for_a_day(self, home):
        done = Pruned(home, False)
        empty_evidence(home, (), later(0.9), done)
        assert [done.deleted[kind][0] for kind in ("evidence", "data")] == [0, 0]
        empty_evidence(home, (), later(1.1), done)
        assert [done.deleted[kind][0] for kind in ("evidence", "data")] == [1, 1]
        assert (home / "evidence/training/kept/result.json").is_file()
        assert (home / "sources/kept/rows.json").is_file()
        assert not (home / "evidence/training/free").exists()
        assert not (home / "sources/free").exists()

    def test_a_run_that_would_go_lets_it_go_at_once_and_a_dry_run_takes_nothing(self, home):
        before, done = files(home), Pruned(home, True)
        empty_evidence(home, {NEWEST}, later(0), done)
        assert (done.deleted["evidence"][0], done.deleted["data"][0]) == (1, 1)
        assert files(home) == before

    def test_half_written_evidence(self, home):
        write(home / "evidence" / "training" / ".kept-x1", result={})
        empty_evidence(home, (), later(0), Pruned(home, False))
        assert not (home / "evidence/training/.kept-x1").exists()


def test_what_is_set_aside_is_found_and_removed(tmp_path):
    write(tmp_path / "one", result={})
    place = set_aside(tmp_path / "one")
    assert (place, files(tmp_path)) == (tmp_path / ".deleted/one", [".deleted/one/result.json"])
    write(tmp_path / "one", result={"again": 1})
    assert json.loads((set_aside(tmp_path / "one") / "result.json").read_text()) == {"again": 1}
    clear_aside([tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_of_yesterday(tmp_path):
    write(tmp_path / "tmp" / "replay-1" / "home", run={})
    os.utime(tmp_path / "tmp" / "replay-1", (0, 0))  # what is in it is new
    (tmp_path / "tmp" / "link").symlink_to(tmp_path / "elsewhere")
    empty_temporary(tmp_path, later(0.9), Pruned(tmp_path, False))
    assert files(tmp_path) == ["tmp/replay-1/home/run.json"]
    empty_temporary(tmp_path, later(1.1), Pruned(tmp_path, False))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_folder_of_a_killed_process_goes_at_once_and_one_in_use_stays(tmp_path):
    (tmp_path / "tmp").mkdir()
    killed = (
        "import os, pathlib, sys; from tasks.held_folders import held_folder\n"
        "with held_folder(pathlib.Path(sys.argv[1])) as place:\n"
        "    (place / 'model.skops').write_bytes(b'x' * 300_000); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path / "tmp")], check=False)
    with held_folder(tmp_path / "tmp") as used:
        told = Pruned(tmp_path, True)
        empty_temporary(tmp_path, later(0), told)
        assert told.deleted["temporary files"][0] == 1
        empty_temporary(tmp_path, later(0), Pruned(tmp_path, False))
        assert list((tmp_path / "tmp").iterdir()) == [used]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_logs(tmp_path):
    logs = tmp_path / "logs"
    write(logs, **{"2026-06-27.jsonl": {}, "2026-06-30.jsonl": {}, "small-server.log": {}})
    line = b"x" * 99 + b"\n"
    (logs / "server.log").write_bytes(line * 110_000)
    done = Pruned(tmp_path, False)
    trim_logs(tmp_path, 2.0, NOW, done)
    assert files(logs) == ["2026-06-30.jsonl", "server.log", "small-server.log"]
    assert (logs / "server.log").stat().st_size == 4_999_900
    assert done.deleted["logs"] == [2, 2 + 6_000_000]


def test_a_server_goes_on_writing_at_the_end_of_a_log_that_was_cut(tmp_path):
    path = tmp_path / "server.log"
    with path.open("ab", buffering=0) as server:
        server.write(b"first\nsecond\nthird\n")
        cut_log(path, kept=10)
        server.write(b"fourth\n")
    assert path.read_text() == "third\nfourth\n"
