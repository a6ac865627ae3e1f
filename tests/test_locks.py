"""Locks of a home, held by real processes."""

import subprocess
import sys

import pytest
from browser import wait_for

from flows.services.locks import emptying, project_turn, using
from tasks.errors import UnavailableError

HOLD = """
import sys, time
from pathlib import Path
from flows.services.locks import {name}
with {name}(*{words}):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holding():
    """Starts a process that holds a lock, and returns it once it does."""
    started = []

    def start(name, *words):
        text = HOLD.format(name=name, words=f"(Path({str(words[0])!r}), *{words[1:]!r})")
        text = text.replace("'never'", "lambda: False")
        process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_home_that_a_run_uses_is_not_emptied(tmp_path, holding):
    run = holding("using", tmp_path)
    with pytest.raises(UnavailableError, match=r"a run is using .*nothing was deleted"):
        emptying(tmp_path).__enter__()
    with using(tmp_path):
        pass
    run.kill()
    with emptying(tmp_path, patience=600):
        pass


def test_one_run_of_a_project_at_a_time(tmp_path, holding):
    run = holding("project_turn", tmp_path, "p", "never")
    with project_turn(tmp_path, "p", lambda: False) as taken:
        assert not taken
    with project_turn(tmp_path, "other", lambda: False) as taken:
        assert taken
    asked = []

    def kill_the_third_time():
        asked.append(1)
        if len(asked) == 3:
            run.kill()
        return True

    with project_turn(tmp_path, "p", kill_the_third_time) as taken:
        assert taken
    assert len(asked) >= 3
    wait_for(lambda: run.poll() is not None)


@pytest.mark.parametrize("name", ["home", "up"])
def test_a_project_may_have_any_name(tmp_path, name):
    with using(tmp_path), project_turn(tmp_path, name, lambda: False) as taken:
        assert taken
