"""Services that die or hang are started again; all end together. Real processes."""

import subprocess
import sys

import psutil
from browser import is_there, wait_for

from flows.services.supervisor import Chore, Service, stop

SLEEP = "import time; time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"


def start(text=SLEEP):
    return subprocess.Popen([sys.executable, "-c", text], start_new_session=True)


def test_a_service_that_dies_is_started_again_after_a_pause():
    service = Service("sleeper", start, lambda: True)
    service.begin()
    first = service.process
    now = service._started
    assert service.follow(now) is None
    first.kill()
    first.wait()
    told = service.follow(now + 1)
    assert told == "sleeper ended by itself, exit code -9; it is started again in 1 s"
    assert not service.alive
    assert service.follow(now + 1.5) is None
    assert service.follow(now + 2) == "sleeper was started again"
    assert service.alive
    assert service.restarts == 1
    service.process.kill()
    service.process.wait()
    assert service.follow(now + 3).endswith("it is started again in 2 s")
    service.end()


def test_a_service_that_lived_long_is_started_again_soon():
    service = Service("sleeper", start, lambda: True)
    for pause in ("1 s", "2 s", "4 s"):
        service.begin()
        service.process.kill()
        service.process.wait()
        assert service.follow(service._started + 1).endswith(f"again in {pause}")
    service.begin()
    service.process.kill()
    service.process.wait()
    assert service.follow(service._started + 61).endswith("again in 1 s")


def test_a_service_that_hangs_is_ended_and_started_again():
    service = Service("sleeper", start, lambda: False, tolerance=30)
    service.begin()
    hanging = service.process
    assert service.follow(service._started + 6) is None
    told = service.follow(service._started + 36)
    assert told.startswith("sleeper did not answer for 36 seconds")
    assert hanging.poll() is not None
    service.end()


def test_all_that_a_service_started_ends_with_it():
    process = start(PARENT)
    child = wait_for(lambda: psutil.Process(process.pid).children())[0]
    stop(process)
    assert process.poll() is not None
    wait_for(lambda: not is_there(child))


def test_a_chore_is_done_again_and_again_and_a_failure_is_told():
    codes = iter(("0", "3", "0"))
    chore = Chore("prune", lambda: start(f"raise SystemExit({next(codes)})"), every=60)
    now = chore._next
    assert chore.follow(now) is None
    chore.process.wait()
    assert chore.follow(now + 1) is None  # done, and not yet time again
    assert chore.follow(now + 59) is None
    assert chore.process is None
    assert chore.follow(now + 60) is None
    chore.process.wait()
    assert chore.follow(now + 61) == "prune failed, exit code 3; it is tried again"
    assert chore.follow(now + 120) is None
    chore.end()
    assert chore.process is None


def test_what_cannot_be_started_is_tried_again():
    def full():
        raise OSError(28, "No space left on device")

    service = Service("sleeper", start, lambda: True)
    service.begin()
    service.process.kill()
    service.process.wait()
    now = service._started
    service.follow(now + 1)
    service.start = full
    told = service.follow(now + 3)
    assert told.startswith("sleeper could not be started (No space left on device); it is started")
    service.start = start
    assert service.follow(now + 10) == "sleeper was started again"
    service.end()
    chore = Chore("prune", full, every=60)
    told = chore.follow(chore._next)
    assert told == "prune could not be started (No space left on device)"
