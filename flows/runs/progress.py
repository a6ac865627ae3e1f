"""What a person sees while a run works, on standard error.

Guarantees: on a terminal one live line with the stage, the share done and the time; elsewhere one
plain line a finished stage; with `quiet`, nothing; words of a project file or of data hold nothing
that a terminal obeys.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

from flows.terminal import plain_words, unfiltered

if TYPE_CHECKING:
    from tasks.runs import RunRecord

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_GLYPHS = {"passed": "✓", "warned": "!", "blocked": "✗", "error": "✗", "not_run": "·"}
_COLOURS = {"passed": "32", "warned": "33", "blocked": "31", "error": "31", "not_run": "2"}


class Progress:
    """The progress of one run over a known number of stages."""

    def __init__(self, stages: int, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = unfiltered(stream or sys.stderr)
        self._quiet = quiet
        self._live = not quiet and self._stream.isatty()
        self._stages = stages
        self._done = 0
        self._doing = ""
        self._since = time.monotonic()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.record: RunRecord | None = None
        self._ticker: threading.Thread | None = None

    def doing(self, what: str) -> None:
        """Say what is being worked on now."""
        with self._lock:
            self._doing, self._since = plain_words(what), time.monotonic()
        if self._live and self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()

    def stage_done(self, name: str, outcome: str, seconds: float, cached: bool, text: str) -> None:
        """One stage is finished, or taken from an earlier run."""
        self._done += 1
        taken = "cached" if cached else f"{seconds:5.1f} s"
        glyph = _GLYPHS[outcome]
        if self._live:
            glyph = f"\x1b[{_COLOURS[outcome]}m{glyph}\x1b[0m"
        self._line(
            f"{glyph} {name.replace('_', ' '):<18} {outcome:<8}{taken:>8}  {plain_words(text)}"
        )

    def say(self, sentence: str) -> None:
        """A sentence between the stages."""
        self._line(plain_words(sentence))

    def finished(self, run: RunRecord) -> None:
        """Keep the record of the finished run for the summary."""
        self.record = run

    def close(self) -> None:
        """Take the live line away, and report to nobody from now on."""
        if active() is self:
            activate(Progress(1, quiet=True))
        self._stopped.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        with self._lock:
            if self._live:
                width = shutil.get_terminal_size().columns
                text = "\r\x1b[K" + _cut(text, width + 9)
            self._stream.write(text + "\n")
            self._stream.flush()

    def _tick(self) -> None:
        for frame in itertools.cycle(_FRAMES):
            if self._stopped.wait(0.1):
                return
            with self._lock:
                filled = round(20 * self._done / self._stages)
                bar = "━" * filled + "─" * (20 - filled)
                seconds = time.monotonic() - self._since
                text = f"{frame} {bar} {self._done}/{self._stages}  {self._doing}  {seconds:.0f} s"
                self._stream.write("\r\x1b[K" + _cut(text, shutil.get_terminal_size().columns - 1))
                self._stream.flush()


_active = Progress(1, quiet=True)


def active() -> Progress:
    """The progress that the run of this process reports to; a silent one unless set."""
    return _active


def activate(progress: Progress) -> None:
    """Report to `progress` until it is closed: a flow takes plain parameters only."""
    global _active  # noqa: PLW0603 - one run a process
    _active = progress


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
