"""The signature as a form in the Prefect UI: a flow run that suspends, so that no process waits.

Guarantees: the form has no defaults, so that an empty resume approves nothing; an answer is settled
by the function that `assayline approve` calls, and once only, however often the flow run goes on
from its beginning; an answer that is not complete is asked for again, with what is missing.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import MarkdownArtifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from flows.runs.artifacts import artifact_key, page_address
from flows.runs.judged_run import JudgedRun, open_judged_run
from flows.runs.surroundings import surroundings
from flows.services.approval_requests import FLOW
from flows.services.home import configure_environment
from tasks.approval import NAME_LENGTH, PREFIX_LENGTH, REASON_LENGTH, Choice, describe_closed
from tasks.atomic import write_json
from tasks.errors import UnavailableError, UsageError, UserError
from tasks.ledger import Entry
from tasks.markup import escape
from tasks.reports import request_markdown


class SignatureForm(RunInput):
    """What the owner fills in. A default would let an empty answer sign.

    What a trial changed is filled in only for one: without it the answer is asked for again.
    """

    decision: Annotated[Choice, Field(description="what becomes of the candidate")]
    name: Annotated[str, Field(min_length=NAME_LENGTH, description="who decides")]
    reason: Annotated[
        str, Field(min_length=1, max_length=REASON_LENGTH, description="why, for the ledger")
    ]
    verdict: Annotated[
        str,
        Field(
            min_length=PREFIX_LENGTH,
            description=f"the first {PREFIX_LENGTH} characters of the verdict's hash",
        ),
    ]
    overrides: Annotated[
        tuple[str, ...],
        Field(description="of a trial: each change of the project file, as named above"),
    ] = ()


@flow(name=FLOW)
def approval(
    run_id: Annotated[str, Field(description="the run that waits for a signature")],
    home: Annotated[str, Field(description="folder that holds all state")],
) -> State[Any]:
    """Ask the owner to sign a run, and settle it by the answer."""
    own = surroundings().home
    if own is not None and own != Path(home):
        raise UsageError(f"this worker serves the home {own}, and not {home}; sign there")
    configure_environment(Path(home))
    run = open_judged_run(Path(home), run_id)
    problem = ""
    for turn in itertools.count(1):
        pending = run.pending
        if pending is None:
            closed = describe_closed(run.ledger, run.asked_as)
            return _conclude(run, {"outcome": "closed", "sentence": closed})
        asked = _describe(run, pending, problem, Path(home))
        form = SignatureForm.with_initial_data(description=asked)
        answer = suspend_flow_run(wait_for_input=form, key=f"turn-{turn}")
        done = settlement(turn, run_id, home, answer.model_dump(mode="json"))
        if done["outcome"] != "unsigned":
            return _conclude(run, done)
        problem = done["sentence"]
    raise AssertionError  # the turns never end by themselves


@task(
    name="settlement",
    task_run_name="settlement {turn}",
    persist_result=False,
    cache_policy=NO_CACHE,
)
def settlement(turn: int, run_id: str, home: str, answer: dict[str, Any]) -> dict[str, str]:
    """Settle one answer; the flow run takes it from the run's folder when it goes on again."""
    run = open_judged_run(Path(home), run_id)
    place, name = run.folder.answers_file, f"{flow_run.id}-{turn}"
    try:
        answers: dict[str, dict[str, str]] = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        answers = {}
    except ValueError:
        raise UnavailableError(
            f"{place} is not JSON, so that nobody can tell which answers were settled; sign with "
            "'assayline approve'"
        ) from None
    if name not in answers:
        answers[name] = _settle(run, answer)
        write_json(place, answers)
    return answers[name]


def _settle(run: JudgedRun, answer: dict[str, Any]) -> dict[str, str]:
    try:
        done = run.sign(**answer)
    except UserError as failure:
        return {"outcome": "unsigned", "sentence": str(failure)}
    return {"outcome": done.outcome, "sentence": done.sentence}


def _describe(run: JudgedRun, pending: Entry, problem: str, home: Path) -> str:
    mlflow_url = run.tracking.run_url(run.verdict.beside["mlflow_run_id"])
    return request_markdown(
        run.verdict.core,
        pending,
        problem,
        page=str(run.folder.page),
        page_url=page_address(home, run.run_id, mlflow_url),
        mlflow_url=mlflow_url,
    )


def _conclude(run: JudgedRun, done: dict[str, str]) -> State[Any]:
    """The flow run's end: its message begins with the outcome, so that the UI's list shows it.

    A void approval is an answer as well, not a failure of the flow: nothing is there to retry.
    """
    get_run_logger().info(done["sentence"])
    MarkdownArtifact(
        key=artifact_key(run.ledger.project, "signature"),
        markdown=f"**{done['outcome'].capitalize()}.** {escape(done['sentence'])}\n",
    ).create()
    return Completed(message=f"{done['outcome'].capitalize()}: {done['sentence']}", data=done)
