"""Replaying a recorded run: the code of then, the data of then, and where two runs parted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from conftest import LIGHT, small_rows, write_small

import tasks
from flows.commands.replay import _stopped
from flows.runs import rebuilt_code
from flows.runs.rebuilt_code import code_of_then, imports_of_then, worktree
from flows.runs.recording import Record, _import_folders
from tasks import source_archive
from tasks.checks import Check, StageResult
from tasks.errors import UnavailableError
from tasks.evidence import EvidenceStore
from tasks.lineage import LONGEST_DIFF, NO_REPOSITORY, code_version, own_code_version
from tasks.recorded_run import RecordedCode, RecordedRun
from tasks.replay_steps import JudgedRun, compare_runs, library_differences
from tasks.source_archive import find_source, keep_source
from tasks.verdict_document import VerdictDocument

ROOT = Path(tasks.__file__).resolve().parents[1]
CLEAN = RecordedCode(commit="a" * 40, dirty=False, cut=False)


def git(folder, *words):
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with two modules, a package and a table, all committed."""
    root = tmp_path / "repository"
    (root / "own").mkdir(parents=True)
    (root / "own" / "__init__.py").write_text("")
    (root / "a.py").write_text("A = 1\n")
    (root / "b.py").write_text("B = 1\n")
    (root / "rows.csv").write_text("x\n1\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def code_in(root):
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in root.rglob("*.py")
        if ".venv" not in p.parts
    }


# The change of a dirty tree


def test_outside_a_repository_there_is_no_version(tmp_path):
    assert code_version(tmp_path) == NO_REPOSITORY
    assert NO_REPOSITORY.text == "not in a git repository"


def test_a_clean_tree_has_no_change(repository):
    found = code_version(repository / "own")
    assert (found.dirty, found.patch, found.cut) == (False, b"", False)
    assert found.commit == git(repository, "rev-parse", "HEAD")


def test_changed_new_and_deleted_code_comes_back_byte_for_byte(repository, tmp_path):
    (repository / "a.py").write_bytes(b"A = 2\r\nNAME = '\xe9'\n")
    (repository / "b.py").unlink()
    (repository / "own" / "new module.py").write_text("NEW = 1\n")
    (repository / "own" / "staged.py").write_text("STAGED = 1\n")
    git(repository, "add", "own/staged.py")
    before = git(repository, "status", "--porcelain"), git(repository, "count-objects")
    found = code_version(repository)
    assert (git(repository, "status", "--porcelain"), git(repository, "count-objects")) == before
    assert (found.dirty, found.cut) == (True, False)
    with worktree(repository, found.commit, found.patch, tmp_path / "then") as tree:
        assert code_in(tree) == code_in(repository)
    assert not (tmp_path / "then").exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_data_and_own_records_are_no_code(repository):
    (repository / "rows.csv").write_text("x\n2\n")
    (repository / ".assayline" / "runs").mkdir(parents=True)
    (repository / ".assayline" / "runs" / "decision.html").write_text("a page")
    found = code_version(repository)
    assert (found.dirty, found.patch) == (True, b"")
    git(repository, "checkout", "--quiet", "rows.csv")
    assert not code_version(repository).dirty


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.yaml",
        "server.pem",
        "secrets.yaml",
        "config/Secrets.toml",
        "db_credentials.ini",
        "my-passwords.py",
        ".secrets/anything.cfg",
    ],
)
def test_a_file_of_secrets_is_never_recorded(repository, name):
    """Neither one that is new nor the change of one that was committed before."""
    path = repository / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("password: planted-one\n")
    (repository / "secretary.py").write_text("KEPT = 1\n")
    found = code_version(repository)
    assert b"KEPT" in found.patch
    assert b"planted-one" not in found.patch
    git(repository, "add", "--force", ".")
    git(repository, "commit", "--quiet", "-m", "unwise")
    path.write_text("password: planted-two\n")
    found = code_version(repository)
    assert (found.dirty, found.patch, found.cut) == (True, b"", False)


@pytest.mark.parametrize("name", ["a.py", "new.py"])
def test_a_change_too_long_to_keep_is_said_to_be_cut(repository, name):
    (repository / name).write_text("# " + "x" * LONGEST_DIFF + "\n")
    found = code_version(repository)
    assert found.cut
    assert len(found.patch) <= LONGEST_DIFF


def test_an_installed_package_is_not_of_the_repository_around_it(repository):
    (repository / ".gitignore").write_text(".venv/\n")
    installed = repository / ".venv" / "package"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert own_code_version(installed) == NO_REPOSITORY
    assert own_code_version(repository / "own").commit is not None


def test_own_packages_are_found_inside_the_repository_only(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository))
    assert _import_folders(("own",), repository) == (".",)
    assert _import_folders(("numpy", "own_missing"), repository) == ()
    assert _import_folders(("own",), repository.parent) == ()


# The code of then


def recorded(**changes):
    values = {
        "run_id": "r1",
        "project_file": "project.yaml",
        "project_text": "name: p\n",
        "overrides": ("seed=1",),
        "allow_imports": (),
        "import_folders": (),
        "source_name": "rows.csv",
        "source_sha256": "ab",
        "key_columns": None,
        "sides": None,
        "champion": None,
        "anchor": None,
        "wear": 1,
        "measured": {},
        "outputs": {"performance_audit": {"test_predictions": "p"}},
        "metrics": {"accuracy": 0.5},
        "environment": {"numpy": "2.3", "python": "3.11"},
        "assayline": "0.1.0",
        "own_code": CLEAN,
        "project_code": CLEAN,
    }
    return RecordedRun(**{**values, **changes})


def judged(run=None, checks=(), **hashes):
    values = {
        "data": "d",
        "split": {"train": "s"},
        "code": "c",
        "environment": "e",
        "model": "m",
        "settings": "t",
        "evidence": {"training": "x", "gate": "g"},
    }
    core = {"champion": None, "anchor": None, "wear": 1, "checks": list(checks)}
    verdict = VerdictDocument({**core, "hashes": {**values, **hashes}}, {})
    return JudgedRun(verdict, run or recorded())


def record_of(folder, **changes):
    return Record(folder, "1", judged(recorded(**changes), code="another"))


def test_a_commit_that_is_not_there_is_named(repository, tmp_path):
    with (
        pytest.raises(UnavailableError, match=f"does not have the commit {'0' * 40}"),
        worktree(repository, "0" * 40, b"", tmp_path / "then"),
    ):
        pass


def test_a_change_that_does_not_apply_leaves_no_worktree(repository, tmp_path):
    (repository / "a.py").write_text("A = 2\n")
    patch = code_version(repository).patch.replace(b"-A = 1", b"-A = 7")
    with (
        pytest.raises(UnavailableError, match="do not apply"),
        worktree(repository, git(repository, "rev-parse", "HEAD"), patch, tmp_path / "then"),
    ):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_worktree_is_removed_when_it_is_interrupted(repository, tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        worktree(repository, git(repository, "rev-parse", "HEAD"), b"", tmp_path / "then"),
    ):
        raise KeyboardInterrupt
    assert not (tmp_path / "then").exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_only_a_checkout_can_go_back(tmp_path):
    run = {"own_code": replace(CLEAN, commit=None), "assayline": "0.0.9"}
    with (
        pytest.raises(UnavailableError, match=r"Assayline 0\.0\.9 \(source another\), this is"),
        code_of_then(record_of(tmp_path, **run), tmp_path / "then"),
    ):
        pass


def test_a_cut_change_cannot_be_rebuilt(tmp_path, monkeypatch):
    monkeypatch.setattr(rebuilt_code, "own_code_version", lambda _: SimpleNamespace(commit="c"))
    with (
        pytest.raises(UnavailableError, match="too long to be kept"),
        code_of_then(record_of(tmp_path, own_code=replace(CLEAN, cut=True)), tmp_path / "then"),
    ):
        pass


def test_the_code_of_today_needs_no_worktree(tmp_path):
    same = Record(tmp_path, "1", judged(code=rebuilt_code.code_hash()))
    with code_of_then(same, tmp_path / "then") as root:
        assert root == ROOT


def test_own_packages_are_rebuilt_from_the_stored_change(repository, tmp_path):
    (repository / "own" / "model.py").write_text("NEW = 1\n")
    version = code_version(repository)
    (tmp_path / "project.diff").write_bytes(version.patch)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    (repository / "own" / "model.py").write_text("NEW = 2\n")
    changes = {"import_folders": (".",), "allow_imports": ("own",)}
    record = record_of(tmp_path, project_code=RecordedCode.of(version), **changes)
    with imports_of_then(record, repository, tmp_path / "then") as (folder,):
        assert (folder / "own" / "model.py").read_text() == "NEW = 1\n"
    with imports_of_then(record_of(tmp_path), repository, tmp_path / "then") as folders:
        assert folders == ()


# The data and what else a run was given


def test_a_source_is_copied_once_and_found_again(tmp_path):
    (tmp_path / "rows.csv").write_text("x\n1\n")
    root = tmp_path / "sources"
    place = keep_source(tmp_path / "rows.csv", root)
    (tmp_path / "rows.csv").write_text("x\n2\n")
    assert keep_source(tmp_path / "rows.csv", root) != place
    found = find_source(root, place.parent.name, "rows.csv")
    assert (found, found.read_text()) == (place, "x\n1\n")
    assert [p.name for p in place.parent.iterdir()] == ["rows.csv"]
    assert place.stat().st_mode & 0o222 == 0


def test_a_source_that_changes_while_it_is_copied_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text("x\n1\n")
    hashes = iter(["before", "after"])
    monkeypatch.setattr(source_archive, "source_hash", lambda _: next(hashes))
    with pytest.raises(UnavailableError, match="changed while it was read"):
        keep_source(tmp_path / "rows.csv", tmp_path / "sources")
    assert not list((tmp_path / "sources" / "before").iterdir())


def test_a_source_that_is_gone_is_named_with_its_place(tmp_path):
    with pytest.raises(UnavailableError, match=r"SHA-256 abc; put the file at .*abc/rows\.csv"):
        find_source(tmp_path, "abc", "rows.csv")


@pytest.mark.parametrize("sides", [None, pd.DataFrame({"unit": ["u"], "side": ["test"]})])
def test_a_record_is_read_as_it_was_written(tmp_path, sides):
    run = recorded(sides=sides, key_columns=("a", "b"), champion="2")
    run.write(tmp_path)
    found = RecordedRun.read(tmp_path)
    assert replace(found, sides=None) == replace(run, sides=None)
    assert (found.sides is None) == (sides is None)
    if sides is not None:
        pd.testing.assert_frame_equal(found.sides, sides, check_dtype=False)


def test_a_record_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "recorded.json").write_text('{"format": 1}')
    with pytest.raises(UnavailableError, match="is no record of a run"):
        RecordedRun.read(tmp_path)


def test_measured_checks_are_taken_from_the_record(tmp_path):
    words = {"stage": "s", "title": "", "severity": "warning", "detail": "-"}
    slow = Check(id="slow", outcome="failed", value=9.0, measured=True, **words)
    fixed = Check(id="fixed", outcome="passed", value=1.0, **words)
    store = EvidenceStore(tmp_path)
    digest = store.save("k", StageResult(stage="s", summary="", checks=(slow, fixed)))
    then = {"slow": {"value": 1.0, "outcome": "passed", "detail": "fast", "interval": None}}
    store.restore_measured("s", "k", then)
    first, second = store.checks("s", "k")
    assert (first.value, first.outcome, first.detail) == (1.0, "passed", "fast")
    assert second == fixed
    assert store.digest("s", "k") == digest


# Where two runs parted


def test_two_equal_runs_are_equal():
    found = compare_runs(judged(), judged())
    assert found.equal
    assert found.sentence == "equal: all 22 steps, the verdict's hash too"


def test_libraries_are_named_before_code_and_data():
    now = recorded(environment={"numpy": "2.4", "python": "3.11"}, source_sha256="cd")
    hashes = {"environment": "e2", "code": "c2", "model": "m2"}
    found = compare_runs(judged(), judged(now, **hashes))
    assert found.first_difference.name == "model"
    assert found.causes[0] == "numpy 2.3 then, 2.4 now"
    assert found.causes[1].startswith("the code, Assayline 0.1.0, commit aaaaaaaaaaaa (c)")
    assert found.causes[2].startswith("the data, rows.csv: SHA-256 ab then, cd now")


def test_a_library_that_changes_no_result_is_said_to():
    now = recorded(environment={"numpy": "2.4", "python": "3.11"})
    found = compare_runs(judged(), judged(now, environment="e2"))
    assert not found.equal
    assert found.sentence.startswith("every result is equal, and what the verdict speaks about is")
    assert found.sentence.endswith("numpy 2.3 then, 2.4 now")


def test_the_first_check_that_differs_is_shown_with_both_values():
    check = {"id": "training.fit", "stage": "training", "outcome": "passed", "value": 0.81}
    evidence = {"training": "y", "gate": "g"}
    later = judged(None, [{**check, "value": 0.8}], evidence=evidence)
    found = compare_runs(judged(None, [check]), later)
    assert found.first_difference.name == "training"
    assert "check training.fit: passed at 0.81 then, passed at 0.8 now" in found.sentence
    assert "what is left is the machine" in found.sentence


def test_metrics_are_shown_with_both_values():
    found = compare_runs(judged(), judged(recorded(metrics={"accuracy": 0.6})))
    assert found.first_difference.name == "metrics"
    assert "accuracy 0.5 then, 0.6 now" in found.sentence


def test_a_replay_that_a_stage_stops_says_which_and_why(tmp_path):
    document = {
        "stages": [
            {"name": "ingestion", "outcome": "warned"},
            {"name": "training", "outcome": "blocked"},
        ],
        "reasons": ["nothing was fitted"],
    }
    found = _stopped(record_of(tmp_path), document, "numpy 2.3 then, 2.4 now")
    assert found.sentence == (
        "'training' is the first step that differs (it stopped the replay: nothing was fitted); "
        "what differs: numpy 2.3 then, 2.4 now"
    )


def test_at_most_five_libraries_are_named():
    then = {f"library{i}": "1" for i in range(7)}
    assert library_differences(then, {}).endswith("library4 1 then, absent now, 2 more")
    assert library_differences(then, then) == ""


# The whole way


@pytest.fixture
def replay(capfd):
    """Runs `assayline replay` in this process: the exit code, the document, standard error."""
    from flows.cli import main

    def command(path, version, *words):
        capfd.readouterr()
        code = main(["replay", str(path), version, "--json", *words])
        printed = capfd.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return command


@pytest.fixture(scope="module")
def twice(prefect_server, tmp_path_factory):
    """A project whose second version, on more rows, replaced the first."""
    from flows.cli import main

    path = write_small(tmp_path_factory.mktemp("replay"), "replayed", LIGHT)
    assert main(["run", str(path), "--quiet"]) == 0
    refresh = LIGHT.replace("replicates: 300", "replicates: 300, intent: refresh, margin: 0.2")
    write_small(path.parent, "replayed", refresh, small_rows(900))
    assert main(["run", str(path), "--quiet"]) == 0
    return path


def left_behind(home):
    return [p.name for p in (home / "tmp").iterdir() if p.name.startswith("replay-")]


def test_a_version_that_is_not_there_is_named(twice, replay):
    code, _, err = replay(twice, "9")
    assert (code, err.splitlines()[-1]) == (
        2,
        "assayline: replayed has no version 9: it has 1, 2",
    )


def test_the_first_version_is_equal_after_its_file_and_champion_changed(twice, replay, home):
    code, document, err = replay(twice, "1")
    assert (code, document["sentence"]) == (0, "equal: all 22 steps, the verdict's hash too"), err
    assert document["first_difference"] is None
    assert all(step["then"] for step in document["steps"])
    assert left_behind(home) == []


def test_the_second_version_is_equal_against_the_champion_and_sides_of_then(
    twice, replay, home, replay_here
):
    from tasks.tracking import Tracking

    # As on another machine of the team: the record comes from MLflow.
    run_id = Tracking(home).version_tags("replayed", "2")["assayline.run_id"]
    folder = home / "runs" / run_id
    assert RecordedRun.read(folder / "recorded").champion == "1"
    assert RecordedRun.read(folder / "recorded").sides is not None
    shutil.move(folder, folder.with_name("elsewhere"))
    code, document, err = replay(twice, "2")
    shutil.move(folder.with_name("elsewhere"), folder)
    assert (code, document["equal"]) == (0, True), err


def test_data_that_were_tampered_with_are_named(twice, replay, home):
    from tasks.tracking import Tracking

    run_id = Tracking(home).version_tags("replayed", "1")["assayline.run_id"]
    sha256 = RecordedRun.read(home / "runs" / run_id / "recorded").source_sha256
    kept = home / "sources" / sha256 / "rows.csv"
    before = kept.read_bytes()
    kept.chmod(0o644)
    kept.write_bytes(before.replace(b"north", b"south", 1))
    code, document, _ = replay(twice, "1")
    assert (code, document["first_difference"]) == (4, "source")
    assert f"the data, rows.csv: SHA-256 {sha256[:12]} then" in document["sentence"]
    kept.unlink()
    code, _, err = replay(twice, "1")
    assert (code, f"put the file at {kept}" in err) == (6, True)
    kept.write_bytes(before)


def test_a_verdict_that_was_tampered_with_is_refused(twice, replay, home):
    from tasks.tracking import Tracking

    run_id = Tracking(home).version_tags("replayed", "1")["assayline.run_id"]
    path = home / "runs" / run_id / "verdict.json"
    text = path.read_text()
    path.write_text(text.replace('"wear": 1', '"wear": 2'))
    code, _, err = replay(twice, "1")
    path.write_text(text)
    assert (code, "was changed after it was written" in err) == (6, True)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory, prefect_server):
    """A checkout of its own with an uncommitted change, and a version trained from it."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("flows", "tasks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".gitignore").write_text("__pycache__/\n.assayline/\n/project/\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "then")
    leakage = root / "tasks" / "leakage" / "stage.py"
    leakage.write_text(leakage.read_text().replace("columns searched", "columns looked at"))
    (root / "tasks" / "leakage" / "new.py").write_text('"""New."""\n')
    (root / "project").mkdir()
    path = write_small(root / "project", "scratch", LIGHT)
    done = run_in(root, "run", path)
    assert done.returncode == 0, done.stderr
    assert "columns looked at" in done.stderr
    git(root, "checkout", "--quiet", "tasks")
    (root / "tasks" / "leakage" / "new.py").unlink()
    text = leakage.read_text()
    assert text.count("s.n,") == 1
    leakage.write_text(text.replace("s.n,", "s.n + 1,"))  # what it finds, not how it is told
    git(root, "commit", "--quiet", "-a", "-m", "now")
    return root


def environment_of(root):
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
    own = {"ASSAYLINE_HOME": str(root / ".assayline"), "PYTHONPATH": str(root)}
    return {**outside, **own, "PREFECT_API_URL": os.environ["PREFECT_API_URL"]}


def run_in(root, command, path, *words):
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", command, str(path), *words, "--json"],
        cwd=root,
        env=environment_of(root),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_version_from_a_dirty_tree_is_rebuilt_and_equal(scratch):
    done = run_in(scratch, "replay", scratch / "project" / "project.yaml", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["equal"]
    assert "columns looked at" in done.stderr
    assert len(git(scratch, "worktree", "list").splitlines()) == 1
    assert left_behind(scratch / ".assayline") == []


def test_the_code_of_today_is_named_as_the_difference(scratch):
    done = run_in(scratch, "replay", scratch / "project" / "project.yaml", "1", "--here")
    document = json.loads(done.stdout)
    assert (done.returncode, document["first_difference"]) == (4, "leakage")
    (cause,) = document["causes"]
    commits = [git(scratch, "rev-parse", name)[:12] for name in ("HEAD~1", "HEAD")]
    assert f"commit {commits[0]} with changes" in cause
    assert f"commit {commits[1]} (" in cause


def test_ctrl_c_leaves_neither_worktree_nor_folder(scratch):
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "replay", str(scratch / "project/project.yaml"), "1"],
        cwd=scratch,
        env=environment_of(scratch),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while len(git(scratch, "worktree", "list").splitlines()) == 1 and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert len(git(scratch, "worktree", "list").splitlines()) == 1
    assert left_behind(scratch / ".assayline") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project_file", "../../.bashrc"),
        ("project_file", "/etc/passwd"),
        ("source_name", ".."),
        ("source_sha256", "../x"),
        ("run_id", "a\\b"),
        ("import_folders", ("ok", "../elsewhere")),
        ("import_folders", ("/etc",)),
    ],
)
def test_a_record_names_nothing_outside_of_its_folder(tmp_path, field, value):
    """A store that others write to could have a replay write over a file of the user's."""
    recorded(**{field: value}).write(tmp_path)
    with pytest.raises(UnavailableError, match=f"'{field}' .*restore it from the run's artifacts"):
        RecordedRun.read(tmp_path)
