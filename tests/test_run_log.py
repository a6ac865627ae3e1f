import datetime
import json
import logging
import subprocess
import sys
import urllib.request

import pytest

from flows.runs.run_log import RunLog, ending_of
from flows.runs.stage_runner import StageRunner
from flows.services.logs import LOGGER, open_logs
from tasks.checks import Check, StageResult
from tasks.errors import NotFoundError, UnavailableError
from tasks.runs import StageRecord

PASSWORD = "s3cret-word"


def lines_of(home, run=None):
    """The log of today and of a night that ended meanwhile, as objects."""
    found = [
        json.loads(line)
        for path in sorted((home / "logs").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    return [line for line in found if run is None or line["run"] == run]


def told(lines):
    return [(line["level"], line["event"], line["message"]) for line in lines]


def test_a_log_that_cannot_be_written_stops_nothing_and_prints_nothing(tmp_path, capsys):
    (tmp_path / "logs").write_text("a file where the folder belongs")
    RunLog(tmp_path, "r", "p", None).began(None, ())
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "logs").read_text() == "a file where the folder belongs"


def test_an_internal_error_quotes_no_cell_of_the_data():
    try:
        float("Mary Smith")
    except ValueError as failure:
        ending = ending_of(failure, None)
    assert ending.exit_code == 1
    assert ending.sentence.startswith("internal error (ValueError at test_run_log.py:")
    assert "Mary" not in ending.sentence


def test_no_password_is_logged(monkeypatch, tmp_path):
    uri = f"postgresql://bob:{PASSWORD}@host/runs"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    failure = UnavailableError(f"{uri} did not answer; nor does http://ann:other-word@host2/")
    log = RunLog(tmp_path, "r", "p", None)
    log.began(None, (f"source={uri}",))
    log.ended(ending_of(failure, None), 1.5)
    text = next((tmp_path / "logs").glob("*.jsonl")).read_text()
    assert PASSWORD not in text
    assert "other-word" not in text
    assert lines_of(tmp_path)[-1]["message"] == (
        "run r failed with exit code 6: postgresql://host/runs did not answer; "
        "nor does http://host2/"
    )


@pytest.mark.parametrize(
    ("failure", "code", "sentence"),
    [
        (NotFoundError("no data file"), 2, "no data file"),
        (
            OSError(28, "No space left on device", "/x"),
            6,
            "the disk is full at /x; free space and run again: finished stages are kept",
        ),
        (
            KeyboardInterrupt(),
            130,
            "The run was ended from outside; what it finished is reused by the next one.",
        ),
    ],
)
def test_how_a_run_ended_is_what_the_command_returns(failure, code, sentence):
    ending = ending_of(failure, None)
    assert (ending.exit_code, ending.sentence, ending.failed) == (code, sentence, True)


def test_a_line_goes_to_the_file_of_its_day_in_utc(tmp_path):
    logger = open_logs(tmp_path)
    for second in (-1, 0):
        midnight = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC).timestamp()
        about = {"msg": "m", "created": midnight + second, "name": LOGGER, "levelno": 20}
        logger.handle(logging.makeLogRecord(about))
    read = {path.name: json.loads(path.read_text()) for path in (tmp_path / "logs").iterdir()}
    assert {name: line["time"] for name, line in read.items()} == {
        "2026-03-01.jsonl": "2026-03-01T23:59:59.000+00:00",
        "2026-03-02.jsonl": "2026-03-02T00:00:00.000+00:00",
    }


def test_the_log_of_another_home_stays_as_it_is(tmp_path):
    for name in ("a", "b", "b"):
        open_logs(tmp_path / name).info("m", extra={"run": name})
    assert len(lines_of(tmp_path / "a")) == 1
    assert len(lines_of(tmp_path / "b")) == 2


def test_lines_of_several_processes_never_mix(tmp_path):
    script = f"""
import sys
from pathlib import Path
from flows.services.logs import open_logs
for number in range(150):
    open_logs(Path({str(tmp_path)!r})).info(sys.argv[1] * 9000, extra={{"run": sys.argv[1]}})
"""
    writers = [subprocess.Popen([sys.executable, "-c", script, sign]) for sign in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    lines = lines_of(tmp_path)
    assert len(lines) == 450
    assert all(line["message"] == line["run"] * 9000 for line in lines)


def test_a_stage_says_what_it_found_wanting(tmp_path):
    about = {"stage": "gate", "title": "t", "value": 0.25, "limit": 0.5}
    checks = (
        Check(id="gate.a", severity="critical", outcome="failed", detail="100 % is lost.", **about),
        Check(id="gate.b", severity="warning", outcome="error", detail="No\nrows.", **about),
        Check(id="gate.c", severity="info", outcome="failed", detail="Of no weight.", **about),
        Check(id="gate.d", severity="critical", outcome="passed", detail="Well.", **about),
    )
    facts = {"rows_in": 10, "rows_kept": None, "rows": {"train": 6, "test": 4}}
    result = StageResult(stage="gate", summary="s", checks=checks, facts=facts)
    record = StageRecord(name="gate", outcome="blocked", seconds=1.25, result=result)
    RunLog(tmp_path, "r", "p", None).stage_finished(record)
    lines = lines_of(tmp_path, "r")
    assert told(lines) == [
        ("ERROR", "stage_finished", "gate took 1.2 s: blocked"),
        ("ERROR", "check_failed", "check gate.a: failed: 100 % is lost."),
        ("WARNING", "check_failed", "check gate.b: error: No\nrows."),
    ]
    del lines[0]["time"], lines[0]["pid"]
    assert lines[0] == {
        "level": "ERROR",
        "message": "gate took 1.2 s: blocked",
        "event": "stage_finished",
        "run": "r",
        "project": "p",
        "prefect_flow_run": None,
        "stage": "gate",
        "outcome": "blocked",
        "seconds": 1.25,
        "cached": False,
        "rows_in": 10,
        "rows_train": 6,
        "rows_test": 4,
    }
    assert (lines[1]["check"], lines[1]["severity"]) == ("gate.a", "critical")


def journal_of(home, project):
    found = [json.loads(path.read_text()) for path in home.glob("runs/*/journal.json")]
    return next(journal for journal in found if journal["project"] == project)


def in_prefect(server, flow_run):
    """What the log of the flow run in the Prefect UI shows of ours."""
    body = {"logs": {"flow_run_id": {"any_": [flow_run]}}, "sort": "TIMESTAMP_ASC"}
    request = urllib.request.Request(
        f"{server.api_url}/logs/filter",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)
    return [line["message"] for line in found if line["name"] == "assayline"]


def test_a_run_of_refused_data_is_told_in_the_file_and_once_in_prefect(
    assayline, small_project, home, prefect_server
):
    from prefect.logging.handlers import APILogHandler

    # As it is where PREFECT_LOGGING_EXTRA_LOGGERS names our logger too.
    open_logs(home).addHandler(APILogHandler())
    text = small_project.read_text()
    small_project.write_text(text.replace("max_value: 120", "max_value: 50"))
    code, document, printed = assayline(small_project, "--set", "gate.replicates=350")
    assert code == 3
    assert "check_failed" not in printed
    run, name = document["run_id"], document["project"]
    lines = lines_of(home, run)
    assert [(line["level"], line["event"], line.get("stage")) for line in lines] == [
        ("INFO", "run_began", None),
        ("INFO", "stage_finished", "ingestion"),
        ("ERROR", "stage_finished", "validation"),
        ("ERROR", "check_failed", "validation"),
        ("WARNING", "verdict", None),
        ("INFO", "run_ended", None),
    ]
    sentence = "The data was refused by one check: no model was trained on it."
    assert lines[0]["message"] == f"run {run} of {name} began, with gate.replicates=350"
    assert (lines[1]["rows_in"], lines[1]["rows_kept"]) == (600, 600)
    assert lines[-1]["message"] == f"run {run} ended with exit code 3: {sentence}"
    assert {line["prefect_flow_run"] for line in lines} == {document["prefect_flow_run_id"]}
    assert in_prefect(prefect_server, document["prefect_flow_run_id"]) == [
        line["message"] for line in lines
    ]
    journal = journal_of(home, name)
    assert (journal["status"], journal["exit_code"]) == ("finished", 3)
    assert journal["sentence"] == sentence
    assert journal["seconds"] == lines[-1]["seconds"] > 0


def test_a_run_that_fails_or_is_ended_says_so_last(
    assayline, small_project, home, monkeypatch, capsys
):
    text = small_project.read_text()
    small_project.write_text(text.replace("slices: [city]", "slices: [nowhere]"))
    code, _, printed = assayline(small_project)
    name = small_project.read_text().split("name: ")[1].split()[0]
    journal = journal_of(home, name)
    last = lines_of(home, journal["run_id"])[-1]
    assert code == journal["exit_code"] == 2
    assert printed.splitlines()[-1] == f"assayline: {journal['sentence']}"
    assert (last["level"], last["event"]) == ("ERROR", "run_failed")
    assert last["message"].endswith(f"failed with exit code 2: {journal['sentence']}")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(StageRunner, "run", interrupted)
    small_project.write_text(small_project.read_text().replace(f"name: {name}", "name: ended-one"))
    assert assayline(small_project)[0] == 130
    last = lines_of(home, journal_of(home, "ended-one")["run_id"])[-1]
    assert (last["event"], last["exit_code"]) == ("run_failed", 130)
