"""How a finished run ends in Prefect: a state whose name tells what came of it.

Guarantees: a verdict, whichever, is a completed flow run, because the work was done; refused data
is a failed one, because somebody has to act before it can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

_NAMES = {0: "Promoted", 4: "Rejected", 5: "Inconclusive"}
_LONGEST = 1000


def final_state(document: Mapping[str, Any]) -> State[Any]:
    """The state of a run, with its document as the result and its reasons as the message."""
    message = " ".join([document["sentence"], *document["reasons"]])[:_LONGEST]
    if document["exit_code"] == 3:
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
