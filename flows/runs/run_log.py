"""What a run says in the log: how it began, each stage, what failed, the verdict, how it ended.

Guarantees: a line goes to the home's log file and, once, to the log of the flow run in Prefect;
nothing is printed; there is no password in it, and no cell of the data beyond what the sentences
of checks say.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.context import FlowRunContext
from prefect.logging.handlers import APILogHandler

from flows.exit_codes import INTERNAL, INTERRUPTED, explained
from flows.services.logs import loggable, open_logs
from tasks.checks import Check
from tasks.reports import verdict_sentence
from tasks.reports.words import needs_attention
from tasks.runs import RunRecord, StageRecord

_LEVELS = {"passed": logging.INFO, "warned": logging.WARNING}
_TOLD = ("Finished in state Completed", "Finished in state Cached")
_ROWS = ("rows_in", "rows_kept", "rows")


@dataclass(frozen=True)
class Ending:
    """How a run ended: what a command returns for it, and the one sentence that matters."""

    exit_code: int
    sentence: str
    failed: bool


@dataclass(frozen=True)
class RunLog:
    """The log of one run of a home."""

    home: Path
    run_id: str
    project: str
    flow_run: str | None

    def began(self, resumed_from: str | None, overrides: Sequence[str]) -> None:
        """The run is open: what it goes on from, and what was changed by hand."""
        after = f", which goes on from {resumed_from}" if resumed_from else ""
        changed = [loggable(one) for one in overrides]
        with_changes = f", with {', '.join(changed)}" if changed else ""
        message = f"run {self.run_id} of {self.project} began{after}{with_changes}"
        more = {"resumed_from": resumed_from, "overrides": changed}
        self._write(logging.INFO, "run_began", message, more)

    def stage_finished(self, record: StageRecord) -> None:
        """A stage is done, or taken from an earlier run; and what it found wanting."""
        seconds = round(record.seconds, 3)
        facts = record.result.facts if record.result else {}
        more = {
            "stage": record.name,
            "outcome": record.outcome,
            "seconds": seconds,
            "cached": record.cached,
            **_rows(facts),
        }
        took = "was taken from an earlier run" if record.cached else f"took {seconds:.1f} s"
        level = _LEVELS.get(record.outcome, logging.ERROR)
        message = f"{record.name} {took}: {record.outcome}"
        self._write(level, "stage_finished", message, more)
        wanting = [check for check in record.checks if needs_attention(check)]
        # First what blocks: below that, a page shows the rest only to whoever scrolls.
        for check in sorted(wanting, key=lambda check: not check.blocks):
            self._failed(check)

    def warned(self, event: str, sentence: str) -> None:
        """Something that a reader has to know, and that stops nothing."""
        self._write(logging.WARNING, event, sentence, {})

    def concluded(self, record: RunRecord) -> None:
        """The verdict with its reasons, or that the data was refused."""
        more = {
            "verdict": record.verdict,
            "reasons": [loggable(reason) for reason in record.reasons],
            "exit_code": record.exit_code,
            "verdict_hash": record.verdict_hash,
        }
        level = logging.INFO if record.exit_code == 0 else logging.WARNING
        message = " ".join((verdict_sentence(record), *record.reasons))
        self._write(level, "verdict", message, more)

    def ended(self, ending: Ending, seconds: float) -> None:
        """The last line, however the run ended."""
        level = logging.ERROR if ending.failed else logging.INFO
        how = "failed" if ending.failed else "ended"
        message = f"run {self.run_id} {how} with exit code {ending.exit_code}: {ending.sentence}"
        more = {"exit_code": ending.exit_code, "seconds": seconds}
        self._write(level, f"run_{how}", message, more)

    def _failed(self, check: Check) -> None:
        level = logging.ERROR if check.blocks else logging.WARNING
        message = f"check {check.id}: {check.outcome.replace('_', ' ')}: {check.detail}"
        more = {
            "stage": check.stage,
            "check": check.id,
            "severity": check.severity,
            "outcome": check.outcome,
        }
        self._write(level, "check_failed", message, more)

    def _write(self, level: int, event: str, message: str, more: Mapping[str, Any]) -> None:
        logger = open_logs(self.home)
        _reach_prefect(logger)
        about = {
            "event": event,
            "run": self.run_id,
            "project": self.project,
            "prefect_flow_run": self.flow_run,
            **more,
            "flow_run_id": self.flow_run,
        }
        # As an argument: a % in a sentence is no place to fill in.
        logger.log(level, "%s", loggable(message), extra=about)


def ending_of(failure: BaseException | None, record: RunRecord | None) -> Ending:
    """How a run ended that raised `failure`, or concluded with `record`."""
    if failure is None and record is not None:
        return Ending(record.exit_code, verdict_sentence(record), failed=False)
    if isinstance(failure, Exception):
        code, sentence = _failure(failure)
        return Ending(code, loggable(sentence), failed=True)
    # Prefect's own signal for a SIGTERM is, like KeyboardInterrupt, no Exception.
    sentence = "The run was ended from outside; what it finished is reused by the next one."
    return Ending(INTERRUPTED, sentence, failed=True)


def _failure(failure: Exception) -> tuple[int, str]:
    """The exit code and the sentence; the words of a library could quote cells of the data."""
    known = explained(failure)
    if known is not None:
        return known
    frames = traceback.extract_tb(failure.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return INTERNAL, f"internal error ({type(failure).__name__}{where})"


def _rows(facts: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of rows that a stage knows, those of the sides by name."""
    known = {name: facts.get(name) for name in _ROWS}
    sides = facts.get("rows")
    if isinstance(sides, Mapping):
        known |= {f"rows_{side}": number for side, number in sides.items()}
    return {name: number for name, number in known.items() if isinstance(number, int)}


def _is_of_a_flow_run(record: logging.LogRecord) -> bool:
    named = getattr(record, "flow_run_id", None) is not None
    return named or FlowRunContext.get() is not None


_TO_PREFECT = APILogHandler()
_TO_PREFECT.addFilter(_is_of_a_flow_run)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether Prefect's line about a stage says more than ours about the same stage."""
    return not record.getMessage().startswith(_TOLD)


def _reach_prefect(logger: logging.Logger) -> None:
    """Send the logger's records to Prefect, by one handler, whoever imported Prefect and when.

    Prefect's own setting for this (PREFECT_LOGGING_EXTRA_LOGGERS) is read at its import, which a
    worker that is not ours does before our environment is set; where it is set, it would double
    each line.
    """
    for handler in list(logger.handlers):
        if isinstance(handler, APILogHandler) and handler is not _TO_PREFECT:
            logger.removeHandler(handler)
    logger.addHandler(_TO_PREFECT)
    logging.getLogger("prefect.task_runs").addFilter(_is_news)
