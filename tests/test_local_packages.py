"""The user's own estimators: their source decides what is reused, and it is in the verdict."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import SMALL, write_small

from flows.runs import judged_run
from flows.runs.judged_run import JudgedRun
from tasks import local_packages, stage_keys
from tasks.errors import ProjectFileError
from tasks.local_packages import local_folders, local_sources, running_sources
from tasks.project.sections import Project
from tasks.run_folder import RunFolder
from tasks.stage_keys import foreign_versions, stage_key
from tasks.stage_specs import keyed_stages
from tasks.verdict_document import VerdictDocument, code_hash, environment, project_code

KEYED = [stage.name for stage in keyed_stages()]

REACHED = {
    "label_consistency",
    "baselines",
    "training",
    "error_analysis",
    "performance_audit",
    "gate",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder for packages that can be imported, forgotten by the process afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    running_sources.cache_clear()
    yield tmp_path
    running_sources.cache_clear()


def write(folder, name, text="A = 1\n"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def of(estimator):
    candidate = {"name": "own", "estimator": estimator}
    values = {"name": "p", "source": "rows.csv", "target": "y"}
    return Project.model_validate({**values, "training": {"candidates": [candidate]}})


def keys(project):
    running_sources.cache_clear()
    return {stage: stage_key(stage, project, {"rows": "digest"}) for stage in KEYED}


def test_a_package_that_is_too_large_is_refused(folder, monkeypatch):
    write(folder, "ownp_large/__init__.py")
    write(folder, "ownp_large/more.py")
    monkeypatch.setattr(local_packages, "_MOST_FILES", 1)
    with pytest.raises(ProjectFileError, match=r"'ownp_large' in .* more than 1 files"):
        local_sources(["ownp_large"])


def test_what_is_installed_or_not_there_has_no_source(folder):
    assert local_sources(["numpy", "json", "sys", "tasks", "flows", "ownp_missing"]) == {}


def test_a_package_is_read_and_not_imported(folder):
    write(folder, "ownp_read/__init__.py", "raise SystemExit\n")
    assert set(local_sources(["ownp_read"])) == {"ownp_read"}
    assert "ownp_read" not in sys.modules
    assert local_folders(["ownp_read"]) == (folder,)


def test_names_and_bytes_of_code_count_and_nothing_else(folder):
    write(folder, "ownp_bytes/__init__.py")
    write(folder, "ownp_bytes/inner/a.py")
    before = local_sources(["ownp_bytes"])
    write(folder, "ownp_bytes/notes.txt", "words")
    write(folder, "ownp_bytes/.venv/x.py")
    assert local_sources(["ownp_bytes"]) == before
    (folder / "ownp_bytes/inner/a.py").rename(folder / "ownp_bytes/inner/b.py")
    assert local_sources(["ownp_bytes"]) != before


def test_a_module_a_namespace_and_what_they_import_count(folder):
    write(folder, "ownp_module.py", "import ownp_space.inner, numpy\nfrom . import nothing\n")
    write(folder, "ownp_space/inner.py")
    before = local_sources(["ownp_module"])
    assert set(before) == {"ownp_module", "ownp_space"}
    write(folder, "ownp_space/inner.py", "A = 2\n")
    after = local_sources(["ownp_module"])
    assert after["ownp_module"] == before["ownp_module"]
    assert after["ownp_space"] != before["ownp_space"]


def test_a_copy_without_a_distribution_counts_where_it_lies_installed(folder, monkeypatch):
    place = folder / "site-packages"
    write(place, "ownp_copied/__init__.py")
    monkeypatch.syspath_prepend(str(place))
    assert set(local_sources(["ownp_copied"])) == {"ownp_copied"}
    monkeypatch.setattr(local_packages, "_distributed", lambda: {"ownp_copied"})
    assert local_sources(["ownp_copied"]) == {}


def test_a_package_installed_for_development_counts_by_its_source(folder, monkeypatch):
    write(folder, "ownp_editable/__init__.py")
    monkeypatch.setattr(local_packages, "_distributed", lambda: {"ownp_editable"})
    monkeypatch.setattr(
        stage_keys, "packages_distributions", lambda: {"ownp_editable": ["ownp_editable"]}
    )
    monkeypatch.setattr(stage_keys, "version", lambda _: "1.0")
    assert foreign_versions(of("ownp_editable.Mine"))["ownp_editable"].startswith("source ")


def test_one_byte_of_a_local_package_reaches_the_stages_that_use_it(folder):
    write(folder, "ownp_key/__init__.py")
    project = of("ownp_key.Mine")
    before, judged = keys(project), project_code(project)
    assert keys(project) == before
    write(folder, "ownp_key/__init__.py", "A = 2\n")
    after = keys(project)
    assert {stage for stage in KEYED if before[stage] != after[stage]} == REACHED
    assert project_code(project) != judged
    assert "ownp_key" in environment(project)


def test_without_a_local_package_keys_stay(folder):
    project = of("sklearn.tree.DecisionTreeClassifier")
    before = keys(project)
    write(folder, "ownp_unused/__init__.py")
    assert keys(project) == before
    assert foreign_versions(project) == {}


def test_like_an_import_a_process_reads_the_source_once(folder):
    write(folder, "ownp_once/__init__.py")
    before = running_sources(frozenset({"ownp_once"}))
    write(folder, "ownp_once/__init__.py", "A = 2\n")
    assert running_sources(frozenset({"ownp_once"})) == before
    assert local_sources(["ownp_once"]) != before


def judged(folder, project, **hashes):
    """A run that was judged with the code that lies there now, as far as `_code` reads it."""
    write(folder, "project.yaml", json.dumps(project.model_dump(mode="json", by_alias=True)))
    write(folder, "overrides.json", "[]")
    verdict = VerdictDocument({"hashes": hashes}, {"allow_imports": ["ownp_signed"]})
    return JudgedRun("r1", RunFolder(folder), verdict, None, None)


def test_an_approval_sees_the_code_of_today(folder):
    write(folder, "ownp_signed/__init__.py")
    project = of("ownp_signed.Mine")
    hashes = {"code": code_hash(), "project_code": project_code(project)}
    run = judged(folder, project, **hashes)
    assert run._code() == judged_run._code_of(
        **{"own": hashes["code"], "project": hashes["project_code"]}
    )
    before = run._code()
    write(folder, "ownp_signed/__init__.py", "A = 2\n")
    assert run._code() != before
    older = replace(run, verdict=judged(folder, project, code=code_hash()).verdict)
    assert older._code() == code_hash()


# The whole way

OWN = """
from sklearn.tree import DecisionTreeClassifier

class Mine(DecisionTreeClassifier):
    def fit(self, X, y, sample_weight=None):
        self.max_depth = 4
        return super().fit(X, y, sample_weight=sample_weight)
"""
TEXT = (
    SMALL[: SMALL.index("validation:")]
    + """labels: {max_issue_share: 0.5}
training:
  metric: roc_auc
  candidates:
    - name: mine
      estimator: ownp_whole.Mine
      trusted_types: [ownp_whole.Mine]
gate: {replicates: 300, intent: refresh, margin: 0.2}
"""
)


def command(root, *words):
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
    home = {
        "ASSAYLINE_HOME": str(root / ".assayline"),
        "PYTHONPATH": str(root / "code"),
        "PREFECT_API_URL": os.environ["PREFECT_API_URL"],
    }
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *words, "--json"],
        env={**outside, **home},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def cached(document):
    return {stage["name"] for stage in document["stages"] if stage["cached"]}


@pytest.fixture(scope="module")
def changed(tmp_path_factory, prefect_server):
    """A project outside any repository: run, then run once more with its package changed."""
    root = tmp_path_factory.mktemp("own")
    write(root, "code/ownp_whole/__init__.py", OWN)
    path = str(write_small(root, "own", TEXT))
    words = ("run", path, "--allow-imports", "ownp_whole")
    first = command(root, *words)
    write(root, "code/ownp_whole/__init__.py", OWN.replace("= 4", "= 5"))
    return root, path, [first, command(root, *words)]


def test_a_changed_package_trains_again(changed):
    _, _, runs = changed
    (_, first, err), (_, second, _) = runs
    assert first is not None, err
    assert second["unchanged_since"] is None
    assert second["verdict_hash"] != first["verdict_hash"]
    assert cached(second) >= {"ingestion", "splitting"}
    assert not REACHED & cached(second)


def test_a_replay_is_refused_where_the_code_cannot_be_rebuilt(changed):
    root, path, _ = changed
    code, _, err = command(root, "replay", path, "1")
    assert (code, "the code of ownp_whole, which estimators came from" in err) == (6, True), err


def test_a_replay_here_names_the_project_code(changed):
    root, path, _ = changed
    code, document, err = command(root, "replay", path, "1", "--here")
    assert code == 4, err
    (cause,) = document["causes"]
    assert cause.startswith("the project's own code, ownp_whole source ")


def test_a_replay_with_the_same_package_is_equal_and_a_drill_passes(changed):
    root, path, _ = changed
    write(root, "code/ownp_whole/__init__.py", OWN)
    code, document, err = command(root, "replay", path, "1")
    assert (code, document and document["equal"]) == (0, True), err
    words = ("rollback", path, "--to", "1", "--drill", "--allow-imports", "ownp_whole")
    code, document, err = command(root, *words)
    assert (code, document and document["refusal"]) == (0, None), err
