"""One module knows what lies in the folder of a run."""

import json
import re
from pathlib import Path

import pytest

from tasks.errors import UnavailableError
from tasks.run_folder import RunFolder, run_folders, runs_with
from tasks.verdict_document import VerdictDocument

ROOT = Path(__file__).resolve().parents[1]
READERS = {
    "journal.json": RunFolder.journal,
    "run.json": RunFolder.document,
    "evidence.json": RunFolder.evidence_keys,
    "libraries.json": RunFolder.libraries,
    "verdict.json": RunFolder.beside,
}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "runs" / "r1"
    path.mkdir(parents=True)
    return RunFolder(path)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("text", ['{"a": ', "[1]", "nothing"])
def test_what_cannot_be_read_is_one_sentence_that_names_the_file(folder, name, text):
    (folder.path / name).write_text(text)
    with pytest.raises(UnavailableError, match=rf"runs/r1/{re.escape(name)} cannot be read: "):
        READERS[name](folder)


def test_what_is_not_there_is_none(folder):
    assert [folder.journal(), folder.document(), folder.verdict(), folder.project()] == [None] * 4
    assert (folder.evidence_keys(), folder.beside()) == ({}, {})


def test_a_verdict_is_what_was_written_or_refused(folder):
    verdict = VerdictDocument({"verdict": "promote"}, {"when": "then"})
    folder.verdict_file.write_text(verdict.text())
    assert folder.verdict() == verdict
    folder.verdict_file.write_text(verdict.text().replace("promote", "reject"))
    with pytest.raises(UnavailableError, match=r"verdict\.json was changed after it was written"):
        folder.verdict()


def test_the_project_is_that_of_the_run_with_its_overrides(folder):
    folder.project_file.write_text("name: p\nsource: d.csv\ntarget: y\n")
    with pytest.raises(UnavailableError, match=r"project\.yaml cannot be read: .*overrides"):
        folder.project()
    folder.overrides_file.write_text(json.dumps(["seed=7"]))
    assert folder.project().project.seed == 7
    folder.project_file.write_text("nam: p\n")
    with pytest.raises(UnavailableError, match=r"project\.yaml cannot be read: .*unknown key"):
        folder.project()


def test_runs_of_a_stage_are_the_projects_own_and_the_newest_first(tmp_path):
    said = {
        "r1": json.dumps({"project": "p", "keys": {"training": "a"}}),
        "r2": json.dumps({"project": "q", "keys": {"training": "b"}}),
        "r3": json.dumps({"project": "p", "keys": {"splitting": "c"}}),
        "r4": "torn",
        "r5": json.dumps({"project": "p", "keys": {"training": "d"}}),
        ".aside": json.dumps({"project": "p", "keys": {"training": "e"}}),
    }
    for run_id, text in said.items():
        folder = RunFolder.of(tmp_path, run_id)
        folder.path.mkdir(parents=True)
        folder.evidence_file.write_text(text)
    assert [one.run_id for one in run_folders(tmp_path)] == ["r5", "r4", "r3", "r2", "r1"]
    found = [(one.run_id, keys["training"]) for one, keys in runs_with(tmp_path, "p", "training")]
    assert found == [("r5", "d"), ("r1", "a")]


def test_no_other_module_spells_the_names():
    names = re.compile(
        r'"(journal|verdict|run|evidence|overrides|libraries|recorded)\.json"|decision\.html"'
    )
    own = {ROOT / "tasks" / "run_folder.py"}
    product = {*(ROOT / "tasks").rglob("*.py"), *(ROOT / "flows").rglob("*.py")} - own
    found = {path.name for path in product if names.search(path.read_text(encoding="utf-8"))}
    assert found == set()
