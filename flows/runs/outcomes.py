"""How a finished run ends in Prefect: a state of Prefect's own name, whose message tells the rest.

Guarantees: a verdict, whichever, is a completed flow run, because the work was done; refused data
is a failed one, because somebody has to act before it can be; the message begins with what came of
the run, and the run's name and tags say it as well; a failure that a person can act on ends with
its one sentence, and no trace hides it.

The states keep Prefect's names because its pages filter by them: a list that shows what has run
leaves out each state of another name.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException
from prefect.states import Completed, Failed

from flows.runs.run_names import describe_run, is_first_name, verdict_tags
from flows.services.logs import loggable
from tasks.errors import UserError

OUTCOMES = {0: "Promoted", 4: "Rejected", 5: "Inconclusive"}
"""What came of a verdict, by the exit code of the run."""
REFUSED, REJECTED = "Refused", "Rejected"
_LONGEST = 1000
_TRACED = ("prefect.flow_runs", "prefect.engine")
"""Prefect's loggers that tell of a failed run once more, with a trace of Prefect's own code."""


def final_state(document: Mapping[str, Any]) -> State[Any]:
    """The state of a run, with its document as the result; its message begins with the outcome."""
    told = " ".join([document["sentence"], *document["reasons"]])
    if document["unchanged_since"] is not None:
        told = f"Nothing has changed since run {document['unchanged_since']}: {told}"
    message = f"{_outcome(document)}: {told}"[:_LONGEST]
    if document["exit_code"] == 3:
        _without_trace()
        return Failed(message=message, data=document)
    return Completed(message=message, data=document)


def show_outcome(document: Mapping[str, Any]) -> None:
    """Put the verdict into the name and the tags of the flow run; a typed name stays.

    A convenience: where the server does not answer, the run keeps the name that it began with.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    run = context.flow_run
    with (
        contextlib.suppress(httpx.HTTPError, PrefectException),
        get_client(sync_client=True) as client,
    ):
        client.update_flow_run(
            run.id,
            name=describe_run(document)
            if is_first_name(run.name, run.parameters["project"])
            else None,
            tags=sorted({*run.tags, *verdict_tags(document)}),
        )


def skipped(sentence: str) -> State[Any]:
    """The state of a run that was not done, and need not be; the sentence says that it was not."""
    return Completed(message=sentence[0].upper() + sentence[1:], data={"skipped": sentence})


def failed(failure: UserError) -> State[Any]:
    """The state of a run that could not do its work: raised again where its result is asked for."""
    _without_trace()
    return Failed(message=loggable(str(failure))[:_LONGEST], data=failure)


def _outcome(document: Mapping[str, Any]) -> str:
    if document["exit_code"] == 3:
        return REFUSED
    if document["standing"] == "pending":
        return "Awaiting signature"
    if document["unchanged_since"] is not None:
        return "Unchanged"
    return OUTCOMES[document["exit_code"]]


def _without_trace() -> None:
    for name in _TRACED:
        logging.getLogger(name).addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return "exited with unexpected exception" not in record.getMessage()
