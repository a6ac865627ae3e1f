"""The table of what runs again after a change, row by row, and what a kill leaves."""

import json
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest
from browser import wait_for
from conftest import SMALL, small_rows, write_small

from tasks import stage_keys
from tasks.stage_specs import keyed_stages

AFTER_INGESTION = [stage.name for stage in keyed_stages()]


def computed(document):
    return [s["name"] for s in document["stages"] if not s["cached"] and s["name"] != "promotion"]


@pytest.fixture(scope="module")
def base(prefect_server, tmp_path_factory):
    """The small project, run once."""
    from flows.cli import main

    path = write_small(tmp_path_factory.mktemp("cache"), "cache")
    assert main(["run", str(path), "--quiet"]) == 0
    return path


@pytest.fixture
def changed(base, assayline):
    """Runs the project with changes; which stages were computed."""

    def run(*overrides, text=None, rows=None):
        path = write_small(base.parent, "cache", text or SMALL, rows)
        words = [word for override in overrides for word in ("--set", override)]
        _, document, _ = assayline(path, *words)
        return computed(document)

    return run


def test_nothing(changed):
    assert changed() == []


def test_a_cell_of_the_source(changed):
    rows = small_rows()
    rows.loc[0, "income"] += 1
    assert changed(rows=rows) == AFTER_INGESTION


def test_an_expectation_that_sets_no_row_aside(changed):
    assert changed(text=SMALL.replace("max_value: 120", "max_value: 130")) == ["validation"]


def test_a_label_setting(changed):
    assert changed("labels.review_rows=7") == ["label_consistency"]


def test_the_search_space(changed):
    again = changed(text=SMALL.replace("C: [0.1, 1.0]", "C: [0.1, 2.0]"))
    assert {"label_consistency", "baselines", "training"} <= set(again)
    assert not {"ingestion", "validation", "splitting", "leakage"} & set(again)


def test_an_audit_limit(changed):
    assert changed("audit.max_size_mb=40") == ["performance_audit"]
    floor = SMALL + "audit: {floors: [{metric: recall, class: yes, minimum: 0.1}]}\n"
    assert changed(text=floor) == ["performance_audit", "gate"]


def test_the_gate(changed):
    assert changed("gate.min_test_rows=99") == ["gate"]


def test_a_signature_is_asked_for_and_no_longer(base, assayline):
    path = write_small(base.parent, "signed")
    code, document, _ = assayline(path, "--set", "approval.mode=approve")
    assert (code, document["verdict"], document["champion_version"]) == (5, "promote", None)
    code, document, _ = assayline(path)
    assert (code, document["champion_version"]) == (0, "1")
    assert computed(document) == []


def test_the_seed(changed):
    again = changed("seed=4")
    assert {"ingestion", "training", "gate"} <= set(again)


def test_our_own_code(changed, monkeypatch):
    plain = stage_keys.code_digest

    def edited(stage):
        return plain(stage) + ("x" if stage == "leakage" else "")

    monkeypatch.setattr(stage_keys, "code_digest", edited)
    assert changed()[0] == "leakage"
    assert set(changed()) == set()


def test_a_librarys_version(changed, monkeypatch):
    plain = stage_keys.library_versions

    def upgraded(stage):
        versions = dict(plain(stage))
        if "great-expectations" in versions:
            versions["great-expectations"] = "9"
        return versions

    monkeypatch.setattr(stage_keys, "library_versions", upgraded)
    assert changed() == ["validation"]


def test_a_relabelled_row_stays_on_its_side(changed, base, home):
    from tasks.evidence import EvidenceStore
    from tasks.snapshots import read_snapshot

    changed()
    rows = pd.read_csv(base.with_name("rows.csv"))
    rows.loc[1, "bought"] = "no" if rows.loc[1, "bought"] == "yes" else "yes"
    before = {p: p.stat().st_mtime for p in (home / "evidence" / "splitting").glob("*/outputs")}
    changed(rows=rows)
    store = EvidenceStore(home / "evidence")
    assert store.root.is_dir()
    splits = [read_snapshot(p / "split.parquet") for p in before]
    new = set((home / "evidence" / "splitting").glob("*/outputs")) - set(before)
    (added,) = [read_snapshot(p / "split.parquet") for p in new]
    same = [s for s in splits if set(s.index) == set(added.index)]
    assert same
    pd.testing.assert_series_equal(same[0]["side"].sort_index(), added["side"].sort_index())


def start(path, home):
    """The command in a process of its own, with its progress as it comes."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "flows.cli", "run", str(path), "--json"],
        env={**os.environ, "ASSAYLINE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end_after(process, stage, how):
    """Send a signal once a stage is done; returns the remaining standard error."""
    for line in process.stderr:
        if stage in line:
            process.send_signal(how)
            break
    rest = process.stderr.read()
    process.wait()
    return rest


def test_a_killed_run_goes_on_from_its_last_finished_stage(light_project, assayline, home):
    process = start(light_project, home)
    end_after(process, "leakage", signal.SIGKILL)
    code, document, err = assayline(light_project)
    assert code == 0
    assert "was interrupted after" in err
    assert document["resumed_from"]
    cached = [stage["name"] for stage in document["stages"] if stage["cached"]]
    assert cached[:4] == ["ingestion", "validation", "splitting", "label_consistency"]
    journal = home / "runs" / document["resumed_from"] / "journal.json"
    assert json.loads(journal.read_text())["status"] == "interrupted"


def test_ctrl_c_is_one_sentence_and_keeps_what_is_finished(light_project, assayline, home):
    process = start(light_project, home)
    rest = end_after(process, "validation", signal.SIGINT)
    assert process.returncode == 130
    assert "interrupted; finished stages are kept" in rest.splitlines()[-1]
    assert "Traceback" not in rest
    code, document, _ = assayline(light_project)
    assert code == 0
    assert document["stages"][0]["cached"]


def test_a_command_brings_its_own_server_and_leaves_no_process(light_project, tmp_path):
    import sqlite3

    import psutil

    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
    own = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", str(light_project), "--json"],
        env={**outside, "ASSAYLINE_HOME": str(own)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)

    def left():
        every = psutil.process_iter(["cmdline"])
        return [one for one in every if str(own) in str(one.info["cmdline"])]

    wait_for(lambda: not left())
    with sqlite3.connect(own / "prefect" / "prefect.db") as database:
        states = dict(database.execute("select task_key, state_type from task_run").fetchall())
        (flow,) = database.execute("select state_type from flow_run").fetchone()
    assert flow == "COMPLETED"
    assert len(states) == len(document["stages"])
    assert set(states.values()) == {"COMPLETED"}
