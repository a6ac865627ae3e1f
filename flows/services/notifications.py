"""Who hears of a run that did not go well: a Prefect automation that calls a webhook.

Guarantees: the webhook's address is a Prefect block and stands in no project file; a project has
one automation, which is made again as the project file says; a block that is not there yet is
said, and looked for again.
"""

from __future__ import annotations

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

from tasks.project.sections import NotifySection, Project

_EVENTS = {
    "reject": ("Rejected",),
    "refuse": ("Refused",),
    "fail": ("Failed", "Crashed", "TimedOut"),
}
"""The names of the final states, by the occasions of the project file."""

_PAYLOAD = """{
  "project": {{ PROJECT | tojson }},
  "state": {{ flow_run.state.name | tojson }},
  "message": {{ (flow_run.state.message or "") | tojson }},
  "run": {{ flow_run.name | tojson }},
  "url": {{ flow_run | ui_url | tojson }}
}
"""


def put_notification(client: SyncPrefectClient, project: Project) -> str | None:
    """Make the project's automation as its `notify` section says; none where there is none.

    Returns the sentence that says what is missing, None where nothing is.
    """
    name = f"{project.name}: tell of runs that went wrong"
    existing = client.read_automations_by_name(name)
    if project.notify is None:
        for automation in existing:
            client.delete_automation(automation.id)
        return None
    block = project.notify.webhook
    try:
        found = client.read_block_document_by_name(block, "webhook", include_secrets=False)
    except ObjectNotFound:
        return (
            f"no Prefect block webhook/{block}, which {project.name} notifies; make it in the UI "
            "under Blocks: nobody is told until then"
        )
    wanted = _automation(name, project.name, project.notify, found.id)
    if existing and _is_as(existing[0], wanted):
        return None
    if existing:
        client.update_automation(existing[0].id, wanted)
    else:
        client.create_automation(wanted)
    return None


def _is_as(existing: Automation, wanted: AutomationCore) -> bool:
    """Whether an automation already does what is wanted: it is looked at every minute."""
    return (
        existing.actions == wanted.actions
        and getattr(existing.trigger, "expect", None) == getattr(wanted.trigger, "expect", None)
        and existing.enabled
    )


def _automation(name: str, project: str, notify: NotifySection, block: UUID) -> AutomationCore:
    return AutomationCore(
        name=name,
        description=f"Calls the webhook {notify.webhook}, as 'notify' in the project file says.",
        trigger=EventTrigger(
            expect={
                f"prefect.flow-run.{state}" for occasion in notify.on for state in _EVENTS[occasion]
            },
            match_related=ResourceSpecification(
                {
                    "prefect.resource.role": "tag",
                    "prefect.resource.id": f"prefect.tag.project:{project}",
                }
            ),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            CallWebhook(block_document_id=block, payload=_PAYLOAD.replace("PROJECT", repr(project)))
        ],
    )
