"""Who hears of a run that did not go well: Prefect automations that call a webhook.

Guarantees: the webhook's address is a Prefect block and stands in no project file; a project has
one automation for each occasion that it declares, made again as the project file says; a block that
is not there yet is said, and looked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import (
    Automation,
    AutomationCore,
    EventTrigger,
    Posture,
)
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

from flows.runs.outcomes import REFUSED, REJECTED
from tasks.project.sections import Project


@dataclass(frozen=True)
class _Occasion:
    """Final states by their names, and by how their messages begin; `word` None: the state's name.

    A verdict and refused data end in states of Prefect's own names: the message tells them apart.
    """

    title: str
    states: tuple[str, ...]
    message: str
    word: str | None


_OCCASIONS = {
    "reject": _Occasion("rejected the model", ("Completed",), f"{REJECTED}:*", REJECTED),
    "refuse": _Occasion("refused the data", ("Failed",), f"{REFUSED}:*", REFUSED),
    "fail": _Occasion("failed", ("Failed", "Crashed", "TimedOut"), f"!{REFUSED}:*", None),
}

_FORMER = "tell of runs that went wrong"
"""The one automation that an earlier version made for all occasions; it would tell twice."""

_PAYLOAD = """{
  "project": {{ PROJECT | tojson }},
  "state": {{ STATE | tojson }},
  "message": {{ (flow_run.state.message or "") | tojson }},
  "run": {{ flow_run.name | tojson }},
  "url": {{ flow_run | ui_url | tojson }}
}
"""


def put_notifications(client: SyncPrefectClient, project: Project) -> str | None:
    """Make the project's automations as its `notify` section says; none where there is none.

    Returns the sentence that says what is missing, None where nothing is.
    """
    wanted = project.notify.on if project.notify else ()
    unwanted = [_name(project.name, one) for one in _OCCASIONS if one not in wanted]
    for name in [*unwanted, f"{project.name}: {_FORMER}"]:
        for automation in client.read_automations_by_name(name):
            client.delete_automation(automation.id)
    if project.notify is None:
        return None
    block = project.notify.webhook
    try:
        found = client.read_block_document_by_name(block, "webhook", include_secrets=False)
    except ObjectNotFound:
        return (
            f"no Prefect block webhook/{block}, which {project.name} notifies; make it in the UI "
            "under Blocks: nobody is told until then"
        )
    for occasion in wanted:
        _put(client, _automation(project.name, occasion, block, found.id))
    return None


def _put(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    existing = client.read_automations_by_name(wanted.name)
    if not existing:
        client.create_automation(wanted)
    elif not _is_as(existing[0], wanted):
        client.update_automation(existing[0].id, wanted)


def _is_as(existing: Automation, wanted: AutomationCore) -> bool:
    """Whether an automation already does what is wanted: it is looked at every minute."""
    there, asked = existing.trigger, wanted.trigger
    same = all(
        getattr(there, name, None) == getattr(asked, name, None)
        for name in ("expect", "match", "match_related")
    )
    return same and existing.actions == wanted.actions and existing.enabled


def _name(project: str, occasion: str) -> str:
    return f"{project}: tell of runs that {_OCCASIONS[occasion].title}"


def _automation(project: str, occasion: str, block: str, block_id: UUID) -> AutomationCore:
    what = _OCCASIONS[occasion]
    state = repr(what.word) if what.word else "flow_run.state.name"
    return AutomationCore(
        name=_name(project, occasion),
        description=f"Calls the webhook {block}, as 'notify' in the project file says.",
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{name}" for name in what.states},
            match=ResourceSpecification(
                {
                    "prefect.resource.id": "prefect.flow-run.*",
                    "prefect.state-message": what.message,
                }
            ),
            match_related=[
                ResourceSpecification(
                    {
                        "prefect.resource.role": "tag",
                        "prefect.resource.id": f"prefect.tag.project:{project}",
                    }
                ),
                # The project's forms for signatures have its tag too, and are another flow.
                ResourceSpecification(
                    {"prefect.resource.role": "flow", "prefect.resource.name": "assayline"}
                ),
            ],
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            CallWebhook(
                block_document_id=block_id,
                payload=_PAYLOAD.replace("PROJECT", repr(project)).replace("STATE", state),
            )
        ],
    )
