"""How a finished run ends in Prefect: a state whose name tells what came of it.

Guarantees: a verdict, whichever, is a completed flow run, because the work was done; refused data
is a failed one, because somebody has to act before it can be; a failure that a person can act on
ends with its one sentence, and no trace hides it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.services.logs import loggable
from tasks.errors import AssaylineError

_NAMES = {0: "Promoted", 4: "Rejected", 5: "Inconclusive"}
_LONGEST = 1000
_TRACED = ("prefect.flow_runs", "prefect.engine")
"""Prefect's loggers that tell of a failed run once more, with a trace of Prefect's own code."""


def final_state(document: Mapping[str, Any]) -> State[Any]:
    """The state of a run, with its document as the result and its reasons as the message."""
    message = " ".join([document["sentence"], *document["reasons"]])[:_LONGEST]
    if document["exit_code"] == 3:
        _without_trace()
        return Failed(name="Refused", message=message, data=document)
    if document["standing"] == "pending":
        return Completed(name="Awaiting signature", message=message, data=document)
    if document["unchanged_since"] is not None:
        told = f"Nothing has changed since run {document['unchanged_since']}: {message}"
        return Completed(name="Unchanged", message=told[:_LONGEST], data=document)
    return Completed(name=_NAMES[document["exit_code"]], message=message, data=document)


def skipped(sentence: str) -> State[Any]:
    """The state of a run that was not done, and need not be."""
    return Completed(name="Skipped", message=sentence, data={"skipped": sentence})


def failed(failure: AssaylineError) -> State[Any]:
    """The state of a run that could not do its work: raised again where its result is asked for."""
    _without_trace()
    return Failed(message=loggable(str(failure))[:_LONGEST], data=failure)


def _without_trace() -> None:
    for name in _TRACED:
        logging.getLogger(name).addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return "exited with unexpected exception" not in record.getMessage()
