"""Running a stage, or taking what an earlier run found under the same key.

Guarantees: what is taken is as it was written, and is what the task that wrote it returned; a
result that was changed since counts as not there: it is said, and computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import Task

from flows.runs import progress
from flows.runs.run_log import RunLog
from tasks.steps import Ref, Step

_CACHED = "Cached"


def run_stage(task: Task[..., Ref], step: Step, inputs: Sequence[Any], log: RunLog) -> Any:
    """The state of the stage's task, whose result is stored."""
    store, stage, key = step.store, step.stage, step.key
    problem = store.problem(stage, key)
    if problem is not None:
        _tell(stage, problem, log)
    anew = not store.reusable(stage, key)
    state: Any = task.with_options(refresh_cache=anew)(step, *inputs, return_state=True)
    if state.name != _CACHED:
        return state
    found, returned = store.digest(stage, key), state.result()["digest"]
    if found == returned:
        return state
    _tell(stage, f"it has the digest {found[:12]} and was returned with {returned[:12]}", log)
    return task.with_options(refresh_cache=True)(step, *inputs, return_state=True)


def _tell(stage: str, problem: str, log: RunLog) -> None:
    sentence = (
        f"the stored result of {stage.replace('_', ' ')} is not used, and computed again: {problem}"
    )
    progress.active().say(sentence)
    log.warned("evidence_changed", sentence)
