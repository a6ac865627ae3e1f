"""`assayline compare` on real runs of a small project, and the two lines about the champion."""

import argparse
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, small_rows, write_small

from flows.commands.compare import command
from flows.runs.comparison import compared_with_champion
from tasks.errors import NotFoundError
from tasks.evidence import EvidenceStore
from tasks.project import load_project
from tasks.steps import Ref

NAME = "compare-small"


@pytest.fixture(scope="module")
def two_runs(prefect_server, tmp_path_factory):
    """A project run twice: 10 labels corrected, 50 rows added, one setting changed."""
    from flows.cli import main

    folder = tmp_path_factory.mktemp("compare")
    rows = small_rows(1500)
    path = write_small(folder, NAME, rows=rows)
    main(["run", str(path), "--quiet"])
    changed = rows.copy()
    changed.loc[:9, "bought"] = np.where(changed.loc[:9, "bought"] == "yes", "no", "yes")
    more = small_rows(50, seed=9)
    text = SMALL.replace("gate:", "audit: {min_support: 40}\ngate:").replace("[0.1, 1.0]", "[0.5]")
    write_small(folder, NAME, text, pd.concat([changed, more]))
    main(["run", str(path), "--quiet"])
    return path


@pytest.fixture
def compare(two_runs, capsys):
    """Runs the command: what it printed, as a document unless asked for text; or how it failed."""
    from flows.cli import main

    def run(first, second, *, text=False):
        capsys.readouterr()
        code = main(["compare", str(two_runs), first, second, *([] if text else ["--json"])])
        printed = capsys.readouterr()
        if code:
            return code, printed.err
        return printed.out if text else json.loads(printed.out)

    return run


def run_ids(home):
    documents = [json.loads(p.read_text()) for p in sorted((home / "runs").glob("*/run.json"))]
    return [d["run_id"] for d in documents if d["project"] == NAME]


def test_an_unknown_version_or_run_names_the_known_ones(compare, home):
    assert compare("1", "7") == (
        2,
        f"assayline: {NAME} has no version 7; the newest are 1, 2\n",
    )
    first, second = run_ids(home)
    assert compare("gone", "1") == (
        2,
        f"assayline: {NAME} has no run gone; the newest are {first}, {second} (a number names a "
        "version)\n",
    )


def test_a_run_is_not_compared_with_itself(compare, home):
    first = run_ids(home)[0]
    assert compare("1", first) == (
        2,
        f"assayline: 1 and {first} are one run, {first}; name two runs\n",
    )


def test_a_project_that_never_ran_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAYLINE_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    path = write_small(tmp_path, "never")
    options = argparse.Namespace(
        project=str(path), before="1", after="2", json=True, allow_imports=[]
    )
    with pytest.raises(NotFoundError, match=r"never has no runs in .*; run the project first"):
        command(options)
    assert not (tmp_path / "none").exists()


def test_what_changed_is_counted_exactly(compare):
    document = compare("1", "2")
    data = document["changes"]["data"]
    assert sum(data["rows_before"].values()) == 1500
    assert sum(data["rows_after"].values()) == 1550
    assert sum(data["added"].values()) == 50
    assert sum(data["removed"].values()) == 0
    assert sum(data["relabelled"].values()) == 10
    assert data["moved"] == []
    changed = {c["name"]: c for c in document["changes"]["settings"]}
    search = changed["training.candidates[logistic regression].search.C"]
    assert (search["before"], search["after"]) == ([0.1, 1.0], [0.5])
    assert changed["audit.min_support"] == {
        "name": "audit.min_support",
        "before": 30,
        "after": 40,
        "reaches_model": False,
    }
    assert len(changed) == 2
    assert document["changes"]["code"] == []
    assert document["changes"]["libraries"] == []
    assert document["causes"] == ["data", "settings"]
    assert document["missing"] == []


def test_what_it_did_has_paired_intervals_on_shared_rows(compare):
    results = compare("1", "2")["results"]
    primary = results["metrics"][0]
    assert primary["name"] == "roc_auc"
    assert primary["low"] <= primary["difference"] <= primary["high"]
    assert primary["after"] - primary["before"] == pytest.approx(primary["difference"])
    assert primary["rows"] == results["rows"] == results["test_rows"]
    assert [e["name"] for e in results["by_slice"]["effects"]] == ["city=north", "city=south"]
    assert results["flips"]["kept"] <= results["rows"]


def test_the_other_way_round_is_the_mirror_image(compare):
    one, other = compare("1", "2"), compare("2", "1")
    assert other["changes"]["data"]["removed"] == one["changes"]["data"]["added"]
    assert sum(other["changes"]["data"]["relabelled"].values()) == 10
    assert other["results"]["rows_of"] == "A"
    assert one["results"]["rows_of"] == "B"
    for there, back in zip(one["results"]["metrics"], other["results"]["metrics"], strict=True):
        assert (back["before"], back["after"]) == (there["after"], there["before"])
        for end, opposite in (("difference", "difference"), ("low", "high")):
            assert back[end] == pytest.approx(0 - there[opposite], abs=0)
    assert other["results"]["flips"]["fixed"] == one["results"]["flips"]["broken"]


def test_a_run_id_names_the_run_as_its_version_does(compare, home):
    assert compare(*run_ids(home)) == compare("1", "2")


def test_the_text_names_both_causes(compare):
    text = compare("1", "2", text=True)
    assert text.startswith(f"{NAME}\n  A  version 1, run ")
    assert "Data: 50 rows added, 10 relabelled; settings:" in text
    assert "Data and settings changed together" in text


def test_a_run_whose_folder_is_gone_is_read_from_mlflow(compare, home, tmp_path):
    expected = compare("1", "2")
    folder = home / "runs" / run_ids(home)[0]
    shutil.move(folder, tmp_path)
    try:
        assert compare("1", "2") == expected
    finally:
        shutil.move(tmp_path / folder.name, folder)


def test_evidence_that_is_gone_is_said_and_the_rest_compared(compare, home, tmp_path):
    verdict = json.loads((home / "runs" / run_ids(home)[0] / "verdict.json").read_text())
    keys = verdict["beside"]["stage_keys"]
    gone = [home / "evidence" / name / keys[name] for name in ("validation", "training")]
    for folder in gone:
        shutil.move(folder, tmp_path / folder.parent.name)
    try:
        document = compare("1", "2")
        text = " ".join(compare("1", "2", text=True).split())
    finally:
        for folder in gone:
            shutil.move(tmp_path / folder.parent.name, folder)
    assert document["changes"]["data"] is None
    assert document["unknown"] == ["data"]
    assert document["missing"][0].startswith("The data: the rows of A are not in ")
    assert len(document["changes"]["settings"]) == 2
    # The model comes from the registry.
    assert document["results"]["metrics"][0]["name"] == "roc_auc"
    assert "; data not known." in text
    assert "Whether data changed is not known: the effect cannot be attributed." in text


@pytest.fixture
def champion_lines(two_runs, home):
    """The two lines for a run, given its place and the champion that served then."""
    from tasks.tracking import Tracking

    def lines(place, serving):
        text = (home / "runs" / run_ids(home)[place] / "verdict.json").read_text()
        keys = json.loads(text)["beside"]["stage_keys"]
        refs = {name: Ref(name, key, "") for name, key in keys.items()}
        project, store = load_project(two_runs).project, EvidenceStore(home / "evidence")
        return compared_with_champion(home, store, refs, project, Tracking(home), serving)

    return lines


def test_the_two_lines_of_a_run_against_its_champion(champion_lines):
    effect, changes, labels = champion_lines(1, "1")
    assert "version 1: roc_auc " in effect
    assert effect.endswith(" test rows.")
    assert changes.startswith(
        "Since the champion's run: data: 50 rows added, 10 relabelled; settings: training."
    )
    assert changes.endswith("the effect cannot be attributed to one of them.")
    assert labels.startswith("10 rows have another label: equal rows in conflict 0 → 0, suspects ")
    assert labels.endswith(". 'assayline compare' has the metrics by slice.")


def test_the_two_lines_of_a_first_model_and_of_the_champion_itself(champion_lines):
    first, nothing = champion_lines(0, None)
    assert first.startswith("First model: roc_auc +")
    assert nothing == "Nothing to compare data and settings with: there is no champion."
    assert champion_lines(0, "1")[0] == (
        "This is the champion's own model, version 1: nothing to tell them apart."
    )


def test_a_champion_that_is_gone_never_fails_a_run(champion_lines, home, tmp_path):
    folder = home / "runs" / run_ids(home)[0]
    shutil.move(folder, tmp_path)
    try:
        # Of the runs that are left the first is the one with the changes.
        lines = champion_lines(0, "1")
    finally:
        shutil.move(tmp_path / folder.name, folder)
    assert lines[1].startswith("What changed since the champion's run is not known: its run ")
    unknown = champion_lines(1, "99")
    assert [line.partition(":")[0] for line in unknown] == ["Not compared with the champion"] * 2
