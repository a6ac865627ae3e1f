import json
import shutil
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from flows.services import run_facts
from flows.services.metrics import ServiceState, metrics_registry
from flows.services.run_facts import RunReader

STAGES = [
    {
        "name": "ingestion",
        "outcome": "passed",
        "seconds": 0.25,
        "cached": False,
        "checks": [{"severity": "critical", "outcome": "passed"}],
    },
    {
        "name": "validation",
        "outcome": "blocked",
        "seconds": 0.01,
        "cached": True,
        "checks": [
            {"severity": "critical", "outcome": "failed"},
            {"severity": "warning", "outcome": "error"},
            {"severity": "warning", "outcome": "failed"},
            {"severity": "info", "outcome": "not_applicable"},
        ],
    },
    {"name": "gate", "outcome": "not_run", "seconds": 0.0, "cached": False, "checks": []},
]


def write_run(home, run_id, project="loans", verdict="promote", *, document=None, **journal):
    """The folder of a run, as far as metrics read it."""
    folder = home / "runs" / run_id
    folder.mkdir(parents=True)
    about = {
        "run_id": run_id,
        "project": project,
        "status": "finished",
        "host": "h",
        "pid": 1,
        "process_started": 1.0,
        "last_stage": "gate",
        "ended": "2026-03-01T02:10:00+00:00",
        "seconds": 12.5,
        "exit_code": 0,
    }
    (folder / "journal.json").write_text(json.dumps(about | journal))
    if (about | journal)["status"] == "finished":
        found = {
            "verdict": verdict,
            "exit_code": (about | journal)["exit_code"],
            "champion_version": "3",
            "dataset": {"rows_in": 10, "rows_kept": 9, "rows_quarantined": 1},
            "stages": STAGES,
        }
        (folder / "run.json").write_text(json.dumps(found | (document or {})))
    return folder


def no_services():
    return []


def samples(reader, services=no_services):
    """What Prometheus reads, by name and labels."""
    text = generate_latest(metrics_registry(reader, services)).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("journal.json", "{"),
        ("journal.json", '{"run_id": "20260301T020000-aaaaaa"}'),
        ("run.json", "[]"),
        ("run.json", '{"verdict": "perhaps"}'),
    ],
)
def test_a_broken_folder_is_passed_over_and_counted(tmp_path, file, text):
    broken = write_run(tmp_path, "20260301T020000-aaaaaa")
    (broken / file).write_text(text)
    write_run(tmp_path, "20260228T020000-bbbbbb")
    shutil.copytree(broken.parent / "20260228T020000-bbbbbb", broken.parent / "a-copy")
    found = samples(RunReader(tmp_path))
    assert found["assayline_unreadable_runs",] == 2
    assert found["assayline_runs_total", "loans", "promote"] == 1


def test_a_folder_that_is_repaired_counts(tmp_path):
    folder = write_run(tmp_path, "20260301T020000-aaaaaa")
    good = (folder / "run.json").read_text()
    (folder / "run.json").write_text("{")
    reader = RunReader(tmp_path)
    assert ("assayline_runs_total", "loans", "promote") not in samples(reader)
    (folder / "run.json").write_text(good)
    found = samples(reader)
    assert found["assayline_runs_total", "loans", "promote"] == 1
    assert found["assayline_unreadable_runs",] == 0


def test_a_home_without_runs_has_no_unreadable_one(tmp_path):
    assert samples(RunReader(tmp_path)) == {("assayline_unreadable_runs",): 0}


def test_the_last_run_in_numbers(tmp_path):
    write_run(tmp_path, "20260228T020000-ffffff", seconds=99.0, document={"stages": []})
    write_run(tmp_path, "20260301T020000-aaaaaa")
    assert samples(RunReader(tmp_path)) == {
        ("assayline_runs_total", "loans", "promote"): 2,
        ("assayline_runs_total", "loans", "reject"): 0,
        ("assayline_runs_total", "loans", "inconclusive"): 0,
        ("assayline_runs_total", "loans", "refused"): 0,
        ("assayline_runs_total", "loans", "failed"): 0,
        ("assayline_unreadable_runs",): 0,
        ("assayline_run_duration_seconds", "loans"): 12.5,
        ("assayline_last_run_timestamp_seconds", "loans"): 1772331000,
        ("assayline_last_run_exit_code", "loans"): 0,
        ("assayline_stage_duration_seconds", "loans", "ingestion"): 0.25,
        ("assayline_stage_cached", "loans", "ingestion"): 0,
        ("assayline_stage_cached", "loans", "validation"): 1,
        ("assayline_rows", "in", "loans"): 10,
        ("assayline_rows", "kept", "loans"): 9,
        ("assayline_rows", "quarantined", "loans"): 1,
        ("assayline_check_failures", "loans", "critical"): 1,
        ("assayline_check_failures", "loans", "warning"): 2,
        ("assayline_check_failures", "loans", "info"): 0,
        ("assayline_champion_version", "loans"): 3,
    }


def test_a_run_counts_once_it_has_ended_and_never_uncounts(tmp_path):
    reader = RunReader(tmp_path)
    running = write_run(tmp_path, "20260301T020000-aaaaaa", status="running")
    assert ("assayline_runs_total", "loans", "reject") not in samples(reader)
    shutil.rmtree(running)
    ended = write_run(tmp_path, "20260301T020000-aaaaaa", verdict="reject", exit_code=4)
    assert samples(reader)["assayline_runs_total", "loans", "reject"] == 1
    shutil.rmtree(ended)
    write_run(tmp_path, "20260302T020000-aaaaaa", verdict="reject", exit_code=4)
    found = samples(reader)
    assert found["assayline_runs_total", "loans", "reject"] == 2
    assert found["assayline_last_run_exit_code", "loans"] == 4


def test_a_run_without_a_result_leaves_what_is_known_of_the_one_before(tmp_path):
    write_run(tmp_path, "20260301T020000-aaaaaa")
    refused = {"verdict": None, "champion_version": None, "stages": STAGES[:1]}
    write_run(tmp_path, "20260302T020000-aaaaaa", exit_code=3, document=refused)
    found = samples(RunReader(tmp_path))
    assert found["assayline_runs_total", "loans", "refused"] == 1
    assert found["assayline_champion_version", "loans"] == 3
    assert found["assayline_check_failures", "loans", "critical"] == 0
    vanished = {"status": "interrupted", "ended": None, "seconds": None, "exit_code": None}
    write_run(tmp_path, "20260303T020000-aaaaaa", **vanished)
    write_run(tmp_path, "20260303T020000-bbbbbb", "churn", status="failed", exit_code=6)
    found = samples(RunReader(tmp_path))
    assert found["assayline_runs_total", "loans", "failed"] == 1
    assert found["assayline_last_run_exit_code", "loans"] == 137
    assert found["assayline_last_run_exit_code", "churn"] == 6
    assert found["assayline_last_run_timestamp_seconds", "loans"] == 1772503200
    assert ("assayline_run_duration_seconds", "loans") not in found
    assert found["assayline_rows", "kept", "loans"] == 9
    assert ("assayline_rows", "kept", "churn") not in found


def test_the_folder_of_an_ended_run_is_read_once(tmp_path, monkeypatch):
    for number in range(3):
        write_run(tmp_path, f"2026030{number + 1}T020000-aaaaaa")
    read = []
    whole = Path.read_text

    def counted(path, *words, **more):
        read.append(path.name)
        return whole(path, *words, **more)

    monkeypatch.setattr(run_facts.Path, "read_text", counted)
    reader = RunReader(tmp_path)
    samples(reader)
    samples(reader)
    assert sorted(read) == ["journal.json"] * 3 + ["run.json"] * 3


def test_services_are_asked_at_each_scrape(tmp_path):
    states = [ServiceState("worker", True, 0)]
    reader = RunReader(tmp_path)
    found = samples(reader, lambda: states)
    assert found["assayline_service_up", "worker"] == 1
    states[:] = [ServiceState("worker", False, 2)]
    found = samples(reader, lambda: states)
    assert found["assayline_service_up", "worker"] == 0
    assert found["assayline_service_restarts_total", "worker"] == 2


def test_a_project_name_cannot_write_samples(tmp_path):
    evil = 'a"} 1\nassayline_service_up{service="x'
    write_run(tmp_path, "20260301T020000-aaaaaa", evil)
    found = samples(RunReader(tmp_path))
    assert found["assayline_last_run_exit_code", evil] == 0
    assert not [key for key in found if key[0] == "assayline_service_up"]
