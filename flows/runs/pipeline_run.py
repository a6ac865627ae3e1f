"""One pipeline run from its first stage to its records.

Guarantee: whatever ends the run, the journal and MLflow say how it ended.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from flows.runs import progress
from flows.runs.context import RunContext
from flows.runs.decider import Decider
from flows.runs.publishing import Publisher
from flows.runs.run_log import ending_of
from flows.runs.stage_runner import StageRunner
from tasks.moments import timestamp
from tasks.runs import RunRecord
from tasks.verdicts import conclude


@dataclass
class PipelineRun:
    """What a run is made of; a replay has another decider and another publisher."""

    context: RunContext
    runner: StageRunner
    decider: Decider
    publisher: Publisher
    concluded: RunRecord | None = None
    began: float = field(default_factory=time.perf_counter)

    def __enter__(self) -> Self:
        self.context.log.began(self.context.resumed_from, self.context.loaded.overrides)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        context, ending = self.context, ending_of(failure, self.concluded)
        seconds = round(time.perf_counter() - self.began, 3)
        # First: the stores, which are told next, may be what failed.
        context.log.ended(ending, seconds)
        # Prefect's own signal for a SIGTERM is, like KeyboardInterrupt, no Exception.
        failed = "FAILED" if kind is not None and issubclass(kind, Exception) else "KILLED"
        context.tracking.end_run(context.mlflow_run, "FINISHED" if kind is None else failed)
        replace(
            self.runner.journal,
            status="finished" if kind is None else "failed",
            ended=timestamp(),
            seconds=seconds,
            exit_code=ending.exit_code,
            sentence=ending.sentence,
        ).write(context.home)

    def finish(self) -> dict[str, Any]:
        """Conclude, write the decision page, publish; returns the run as a document."""
        progress.active().doing("writing the decision page and the records")
        context, runner, decider = self.context, self.runner, self.decider
        record = conclude(
            RunRecord(
                run_id=context.run_id,
                project=context.project,
                started=context.started,
                exit_code=1,
                verdict=None,
                reasons=(),
                verdict_hash=decider.verdict_hash,
                unchanged_since=decider.unchanged_since,
                resumed_from=context.resumed_from,
                overrides=context.loaded.overrides,
                trial=context.trial,
                compared=self.publisher.compared(runner.refs, decider.serving),
                trend=self.publisher.trend(runner.refs),
                stages=tuple(runner.records.values()),
                mlflow_run_id=context.mlflow_run,
                prefect_flow_run_id=context.prefect_run,
            )
        )
        self.concluded = record
        context.log.concluded(record)
        document = self.publisher.publish(record, runner.refs)
        # Last: a run is only said to be repeated when it left its page and records.
        decider.remember()
        return document
