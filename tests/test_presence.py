"""Whose process is gone."""

import json
import os
import subprocess
import sys

import psutil
import pytest

from flows.runs.presence import Process, forget, left_behind, present


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def record(home, process):
    (home / "present").mkdir(exist_ok=True)
    (home / "present" / "a-run.json").write_text(json.dumps(process.__dict__))


def of(pid):
    there = psutil.Process(pid)
    return Process(Process.this().host, pid, there.create_time() - psutil.boot_time())


def test_a_record_is_there_while_the_run_is(tmp_path):
    with present(tmp_path, "a-run"):
        assert json.loads((tmp_path / "present" / "a-run.json").read_text())["pid"] == os.getpid()
        assert left_behind(tmp_path) == []
    assert list((tmp_path / "present").iterdir()) == []


def test_a_process_that_was_killed_is_gone(tmp_path, sleeper):
    record(tmp_path, of(sleeper.pid))
    assert left_behind(tmp_path) == []
    sleeper.kill()
    sleeper.wait()
    assert left_behind(tmp_path) == ["a-run"]
    forget(tmp_path, "a-run")
    assert left_behind(tmp_path) == []


def test_a_number_that_was_given_out_again_is_another_process(tmp_path, sleeper):
    one = of(sleeper.pid)
    record(tmp_path, Process(one.host, one.pid, one.started - 5))
    assert left_behind(tmp_path) == ["a-run"]


def test_a_clock_that_is_set_ends_no_run(tmp_path, sleeper, monkeypatch):
    record(tmp_path, of(sleeper.pid))
    boot = psutil.boot_time()
    created = psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) + 3600)
    assert left_behind(tmp_path) == []


def test_a_process_of_another_machine_counts_as_alive(tmp_path):
    record(tmp_path, Process("elsewhere", 1, 0.0))
    assert left_behind(tmp_path) == []


def test_a_record_that_cannot_be_read_ends_no_run(tmp_path):
    (tmp_path / "present").mkdir()
    (tmp_path / "present" / "a-run.json").write_text("{")
    assert left_behind(tmp_path) == []
