"""What the suite promises of itself: nothing in it waits for ever."""

import threading
from types import SimpleNamespace

import browser
import conftest
import pytest


def test_a_test_that_hangs_fails_by_its_name_and_with_the_stacks(monkeypatch):
    monkeypatch.setattr(conftest, "LONGEST", 0.2)
    with (
        pytest.raises(pytest.fail.Exception, match=r"(?s)hangs\.py did not end in 0\.2 s.*wait"),
        conftest.bounded(SimpleNamespace(nodeid="hangs.py")),
    ):
        threading.Event().wait()


def test_what_is_closed_after_a_hang_is_bounded_too(monkeypatch):
    monkeypatch.setattr(conftest, "LONGEST", 0.2)
    monkeypatch.setattr(conftest, "AGAIN", 0.2)
    with (
        pytest.raises(pytest.fail.Exception),
        conftest.bounded(SimpleNamespace(nodeid="hangs.py")),
    ):
        try:
            threading.Event().wait()
        finally:
            threading.Event().wait()


def test_a_wait_is_longer_where_processes_wait_for_a_core(monkeypatch):
    now = iter(range(0, 1000, 10))
    clock = SimpleNamespace(monotonic=lambda: next(now), sleep=lambda _: None)
    monkeypatch.setattr(browser, "time", clock)
    asked = []
    for load, times in ((0.5, 4), (8.0, 13)):  # of ten seconds each counts all, or a quarter
        machine = {"cpu_count": lambda: 2, "getloadavg": lambda load=load: (load, 0.0, 0.0)}
        monkeypatch.setattr(browser, "os", SimpleNamespace(**machine))
        asked.clear()
        with pytest.raises(AssertionError, match="it did not come"):
            browser.wait_for(lambda: asked.append(1), seconds=30)
        assert len(asked) == times
