"""Processes that are kept alive, or started now and then; all are stopped together.

Guarantees: a service that ends or hangs is started again, after a pause that doubles up to a minute
and starts small again once it has lived for a while; each restart is told; when the supervisor
stops, all that was started has ended.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

_LOOK = 0.5
_HEALTH = 5.0
"""Seconds between looks at the health of a service that runs."""
_LONGEST_PAUSE = 60.0
_SOUND = 60.0
"""Seconds of life after which a service counts as sound: its next pause is the first again."""


@dataclass
class Service:
    """A process by its name, how it is started, and how one sees that it works.

    It is ended, and started again, where it has not been healthy for `tolerance` seconds. When all
    stop, it and what it started may finish by themselves for `patience` seconds.
    """

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    healthy: Callable[[], bool]
    tolerance: float = 60.0
    patience: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    _started: float = field(default=0.0, init=False)
    _well: float = field(default=0.0, init=False)
    _looked: float = field(default=0.0, init=False)
    _again: float = field(default=0.0, init=False)
    _pause: float = field(default=1.0, init=False)

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def begin(self) -> None:
        """Start the process."""
        self._started = self._well = time.monotonic()
        self.process = self.start()

    def follow(self, now: float) -> str | None:
        """Restart it where it is time to; returns what there is to tell."""
        if self.process is None:
            if now < self._again:
                return None
            self.restarts += 1
            try:
                self.begin()
            except OSError as failure:  # no process, no memory, no disk: it may be better soon
                return self._wait(now, f"could not be started ({failure.strerror})")
            return f"{self.name} was started again"
        code = self.process.poll()
        if code is not None:
            return self._wait(now, f"ended by itself, exit code {code}")
        if now - self._looked > _HEALTH:
            self._looked = now
            if self.healthy():
                self._well = time.monotonic()
            elif now - self._well > self.tolerance:
                stop(self.process)
                return self._wait(now, f"did not answer for {now - self._well:.0f} seconds")
        return None

    def end(self) -> None:
        """Stop the process and all that it started."""
        if self.process is not None:
            stop(self.process, self.patience)
            self.process = None

    def _wait(self, now: float, what: str) -> str:
        if now - self._started > _SOUND:
            self._pause = 1.0
        self.process, self._again = None, now + self._pause
        told = f"{self.name} {what}; it is started again in {self._pause:.0f} s"
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return told


@dataclass
class Chore:
    """A process that does something and ends, started every so many seconds."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    every: float
    process: subprocess.Popen[bytes] | None = None
    _next: float = field(default_factory=time.monotonic, init=False)

    def follow(self, now: float) -> str | None:
        """Start it when it is time to; returns what there is to tell of one that has ended."""
        if self.process is None:
            if now >= self._next:
                self._next = now + self.every
                try:
                    self.process = self.start()
                except OSError as failure:
                    return f"{self.name} could not be started ({failure.strerror})"
            return None
        code = self.process.poll()
        if code is None:
            return None
        self.process = None
        return f"{self.name} failed, exit code {code}; it is tried again" if code else None

    def end(self) -> None:
        """Stop it, if it is at work."""
        if self.process is not None:
            stop(self.process)
            self.process = None


def follow(followed: Sequence[Service | Chore], tell: Callable[[str], None]) -> None:
    """Keep the services alive, and have the chores done, until this is interrupted."""
    while True:
        for one in followed:
            said = one.follow(time.monotonic())
            if said is not None:
                tell(said)
        time.sleep(_LOOK)


def stop(process: subprocess.Popen[bytes], patience: float = 0.0) -> None:
    """End the process and those that it started; these may finish by themselves for a while."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    _, family = psutil.wait_procs(family, timeout=patience)
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.terminate()
    _, left = psutil.wait_procs(family, timeout=10)
    for child in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
